"""Measures the model next to others, without TFX around it: ``make bench-model``."""
