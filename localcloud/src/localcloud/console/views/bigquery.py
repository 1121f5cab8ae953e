"""Pages of BigQuery: its tables, a table, a job."""

from __future__ import annotations

import re

from localcloud.console.pages import Asked, Page, Sources
from localcloud.errors import ApiError

_ROWS = 20
# the console packs what a tab shows into one word: !2s is the job's id
_JOB = re.compile(r"!2s([^!]+)")


def bigquery(sources: Sources, asked: Asked) -> Page:
    """
    Show what the query names: a table, the tables of a data set, a job; else every table.

    :raises ApiError: 404 when it is not there.
    """
    if "ws" in asked:
        return _job(sources, asked["ws"])
    if "t" in asked and "d" in asked:
        return _table(sources, asked["d"], asked["t"])
    dataset = asked.get("d")
    return Page("tables.html", {"tables": sources.bigquery.tables(dataset), "dataset": dataset})


def _table(sources: Sources, dataset: str, table: str) -> Page:
    found = sources.bigquery.table(dataset, table)
    preview = sources.bigquery.preview(dataset, table, _ROWS)
    return Page("table.html", {"table": found, "preview": preview})


def _job(sources: Sources, workspace: str) -> Page:
    found = _JOB.search(workspace)
    if found is None:
        raise ApiError(404, "NOT_FOUND", f"There is no job in the workspace {workspace}.")
    return Page("bigquery_job.html", {"job": sources.bigquery.job(found[1])})
