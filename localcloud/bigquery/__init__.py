"""A small BigQuery: the REST API on DuckDB, with real modification times and some days of history."""

from localcloud.bigquery.app import INSIDE, READER, create_app

__all__ = ["INSIDE", "READER", "create_app"]
