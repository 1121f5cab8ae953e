"""Links to BigQuery in the Google Cloud console."""

from __future__ import annotations

from airflow.providers.google.cloud.links.bigquery import BigQueryTableLink

from vertex_mlops.links.console import ConsoleLink


class TableLink(ConsoleLink, BigQueryTableLink):
    """Helper class for constructing the link of a table."""
