"""Links to BigQuery in the Google Cloud console: name, key and path are those of the provider's link."""

from __future__ import annotations

from vertex_mlops.links.console import ConsoleLink


class TableLink(ConsoleLink):
    """Helper class for constructing the link of a table."""

    name = "BigQuery Table"
    key = "bigquery_table"
    format_str = (
        "/bigquery?referrer=search&project={project_id}&d={dataset_id}&p={project_id}&page=table&t={table_id}"
    )
