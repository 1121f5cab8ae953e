"""Operators of an endpoint's monitoring job."""
