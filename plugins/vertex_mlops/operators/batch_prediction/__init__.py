"""Operators of batch prediction."""
