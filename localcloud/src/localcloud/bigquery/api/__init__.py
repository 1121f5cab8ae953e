"""The REST API of BigQuery: its resources and methods."""
