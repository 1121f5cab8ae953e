"""Probes of BigQuery's tables: modification times and earlier states."""

from __future__ import annotations

import datetime
from typing import Any

from deploy.acceptance.bench import REQUEST_SECONDS, Bench
from deploy.acceptance.probes import NotAskedError, Probe, hold

_API = "https://bigquery.googleapis.com/bigquery/v2"
_BUFFER_SECONDS = 300.0


def _modified(bench: Bench, table: str) -> int:
    """Return a table's lastModifiedTime, in milliseconds since the epoch."""
    found = bench.project.bigquery.get_table(table, timeout=REQUEST_SECONDS)
    return int(found.to_api_repr()["lastModifiedTime"])


def _rows(bench: Bench, table: str, moment: int | None = None) -> int:
    """
    Count the rows.

    :param moment: milliseconds since the epoch at which to look; None for now.
    """
    pinned = f" FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({moment})" if moment else ""
    query = f"SELECT COUNT(*) AS found FROM `{table}`{pinned}"  # noqa: S608 (a table of ours)
    (row,) = bench.project.bigquery.query_and_wait(query, api_timeout=REQUEST_SECONDS)
    return int(row["found"])


def _statement(bench: Bench, statement: str) -> None:
    bench.project.bigquery.query_and_wait(statement, api_timeout=REQUEST_SECONDS)


def _changes(bench: Bench, table: str) -> str:
    """Change a table twice, and read its state after each change."""
    moments = []
    for number in (1, 2):
        _statement(bench, f"INSERT INTO `{table}` (x, day) VALUES ({number}, '2026-01-0{number}')")  # noqa: S608
        moments.append(_modified(bench, table))
    hold(moments[0] < moments[1], f"lastModifiedTime did not change: {moments}")
    # the commit may lie within the millisecond that lastModifiedTime names
    found = [_rows(bench, table, moment + 1) for moment in moments]
    hold(found == [1, 2], f"AS OF the two changes there are {found} rows")
    return (
        f"lastModifiedTime moved by {moments[1] - moments[0]} ms; each state can be read a millisecond later"
    )


def _plain(bench: Bench) -> str:
    table = f"{bench.dataset}.plain"
    _statement(bench, f"CREATE TABLE `{table}` (x INT64, day DATE)")
    return _changes(bench, table)


def _partitioned(bench: Bench) -> str:
    table = f"{bench.dataset}.partitioned"
    _statement(bench, f"CREATE TABLE `{table}` (x INT64, day DATE) PARTITION BY day CLUSTER BY x")
    return _changes(bench, table)


def _created(bench: Bench) -> str:
    table = f"{bench.dataset}.created"
    _statement(bench, f"CREATE TABLE `{table}` AS SELECT 1 AS x")
    found = _rows(bench, table, _modified(bench, table) + 1)
    hold(found == 1, f"a millisecond after its creation it has {found} rows")
    return "a table created by CREATE TABLE AS can be read a millisecond after its lastModifiedTime"


def _view(bench: Bench) -> str:
    base, view = f"{bench.dataset}.base", f"{bench.dataset}.view"
    _statement(bench, f"CREATE TABLE `{base}` (x INT64, day DATE)")
    _statement(bench, f"CREATE VIEW `{view}` AS SELECT * FROM `{base}`")  # noqa: S608
    before = _modified(bench, view)
    _statement(bench, f"INSERT INTO `{base}` (x, day) VALUES (1, '2026-01-01')")  # noqa: S608
    kind = bench.project.bigquery.get_table(view, timeout=REQUEST_SECONDS).table_type
    hold(kind == "VIEW", f"its type is {kind!r}")
    hold(_modified(bench, view) == before, "a new row in its table has changed the view's lastModifiedTime")
    return "type VIEW; rows in its table do not change its lastModifiedTime"


def _streamed(bench: Bench) -> str:
    table = f"{bench.dataset}.streamed"
    _statement(bench, f"CREATE TABLE `{table}` (x INT64, day DATE)")
    before = _modified(bench, table)
    today = datetime.date.today().isoformat()
    errors = bench.project.bigquery.insert_rows_json(table, [{"x": 1, "day": today}], timeout=REQUEST_SECONDS)
    hold(not errors, f"insertAll answered {errors}")

    def look() -> tuple[str, Any]:
        found = bench.project.bigquery.get_table(table, timeout=REQUEST_SECONDS).to_api_repr()
        return "streamingBuffer is not set yet", found if "streamingBuffer" in found else None

    found = bench.wait("the streaming buffer", look, _BUFFER_SECONDS)
    moved = int(found["lastModifiedTime"]) - before
    rows = _rows(bench, table), _rows(bench, table, before + 1)
    hold(rows == (1, 0), f"a query sees {rows[0]} rows, and {rows[1]} AS OF the moment before the insertion")
    said = f"numRows {found['numRows']}; lastModifiedTime moved by {moved} ms; {found['streamingBuffer']}"
    return f"{said}; a query sees the row, and not AS OF the moment before"


def _row_access(bench: Bench) -> str:
    from google.api_core.exceptions import Forbidden, from_http_response

    project, dataset, name = bench.project.project, bench.dataset.rpartition(".")[2], "policies"
    table = f"{bench.dataset}.{name}"
    _statement(bench, f"CREATE TABLE `{table}` (x INT64, day DATE)")
    # https://cloud.google.com/bigquery/docs/reference/rest/v2/rowAccessPolicies/insert
    place = {"projectId": project, "datasetId": dataset, "tableId": name}
    response = bench.project.session.post(
        f"{_API}/projects/{project}/datasets/{dataset}/tables/{name}/rowAccessPolicies",
        json={"rowAccessPolicyReference": {**place, "policyId": "all_rows"}, "filterPredicate": "TRUE"},
        timeout=REQUEST_SECONDS,
    )
    if not response.ok:
        raise from_http_response(response)
    try:
        found = _rows(bench, table, _modified(bench, table) + 1)
    except Forbidden as error:
        hold("row access polic" in error.message, f"403 with the message {error.message}")
        return f"403: {error.message}"
    raise NotAskedError(
        f"this account can read an earlier state of a table with row access policies ({found} rows):"
        " it has bigquery.rowAccessPolicies.overrideTimeTravelRestrictions"
    )


def _window(bench: Bench) -> str:
    dataset = bench.project.bigquery.get_dataset(bench.dataset, timeout=REQUEST_SECONDS)
    hours = dataset.to_api_repr().get("maxTimeTravelHours")
    hold(hours in (None, "168"), f"a new data set has maxTimeTravelHours {hours!r}")
    return f"maxTimeTravelHours is {hours} in a data set that does not set it"


PROBES = (
    Probe("table-as-of", "Each state of a table can be read 1 ms after its lastModifiedTime", _plain),
    Probe("created-as-of", "So can the first state of a table created by a query", _created),
    Probe("partitioned-as-of", "So can those of a partitioned and clustered table", _partitioned),
    Probe(
        "view-modified", "tables.get returns the type of a view; changes in its tables do not count", _view
    ),
    Probe("streaming-buffer", "Streamed rows show in tables.get as streamingBuffer in 5 minutes", _streamed),
    Probe(
        "row-access",
        "Reading an earlier state of a table with row access policies is a 403 that names them",
        _row_access,
    ),
    Probe("time-travel", "datasets.get returns the time travel window", _window),
)
