"""Loads the wines into BigQuery."""
