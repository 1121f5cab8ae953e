"""Measures how often the gate is wrong: ``make bench-gate``."""
