"""A small BigQuery: the REST API on DuckDB, with real modification times and a week of history."""

from localcloud.bigquery.app import INSIDE, READER, create_app

__all__ = ["INSIDE", "READER", "create_app"]
