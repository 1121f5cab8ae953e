"""Judges a model: next to a baseline, on rows that neither has learnt from."""
