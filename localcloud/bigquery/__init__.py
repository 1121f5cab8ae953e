"""A small BigQuery: the REST API on DuckDB, with real modification times and a week of history."""

from localcloud.bigquery.app import READER, create_app

__all__ = ["READER", "create_app"]
