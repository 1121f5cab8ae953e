"""Operators that bring a model version to an endpoint's traffic, and take others away."""
