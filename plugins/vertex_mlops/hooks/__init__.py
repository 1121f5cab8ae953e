"""Hooks for the Google Cloud APIs that the Google provider has no hook for."""
