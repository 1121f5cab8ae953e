"""Measures the model beside others, without TFX around it: ``make bench-model``."""
