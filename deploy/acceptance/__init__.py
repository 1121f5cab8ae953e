"""Test in a deployed project that Google's services behave as this package expects."""
