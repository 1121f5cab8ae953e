"""Batch prediction jobs: predictions for the rows of a table, without an endpoint."""
