"""A small BigQuery: REST API and Storage Read API on DuckDB, with real modification times and history."""

from localcloud.bigquery.api.app import INSIDE, READER, READS, create_app
from localcloud.bigquery.reads.server import METHODS

__all__ = ["INSIDE", "METHODS", "READER", "READS", "create_app"]
