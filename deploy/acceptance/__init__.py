"""Asks a deployed project whether Google's services behave as this package expects."""
