"""Measure the time and memory limits of the package."""
