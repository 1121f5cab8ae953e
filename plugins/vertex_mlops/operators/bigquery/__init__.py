"""Operators that check the data before a training."""
