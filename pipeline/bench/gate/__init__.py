"""Measures the error rates of the gate: ``make bench-gate``."""
