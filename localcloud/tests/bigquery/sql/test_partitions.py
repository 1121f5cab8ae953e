"""Partitioned and clustered tables, and queries that must filter by partition."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, MethodNotImplemented
from google.cloud import bigquery

Rows = Callable[[str], list[tuple[Any, ...]]]
COLUMNS = [
    bigquery.SchemaField("day", "DATE"),
    bigquery.SchemaField("at", "TIMESTAMP"),
    bigquery.SchemaField("quality", "INT64"),
    bigquery.SchemaField("ph", "FLOAT64"),
]
RANGE = {"field": "quality", "range": {"start": "0", "end": "10", "interval": "1"}}


@pytest.fixture
def make(client: bigquery.Client, dataset: str) -> Callable[..., str]:
    """Return a function that creates a table from a resource, and returns its name."""

    def make_table(**resource: Any) -> str:
        name = f"{client.project}.{dataset}.wines"
        table = bigquery.Table(name, COLUMNS)
        table._properties.update(resource)
        client.create_table(table)
        return name

    return make_table


@pytest.mark.parametrize(
    "layout",
    [
        {"timePartitioning": {"type": "MONTH", "field": "day"}},
        {"timePartitioning": {"type": "HOUR", "field": "at"}, "clustering": {"fields": ["quality", "day"]}},
        {"timePartitioning": {"type": "YEAR"}, "requirePartitionFilter": True},
        {"rangePartitioning": RANGE},
        {"clustering": {"fields": ["quality"]}},
    ],
)
def test_a_table_keeps_its_partitions_and_clusters(
    client: bigquery.Client, make: Callable[..., str], layout: dict[str, Any]
) -> None:
    name = make(**layout)
    client.query_and_wait(f"INSERT INTO `{name}` (day, quality) VALUES ('2026-01-02', 6)")
    found = client.get_table(name).to_api_repr()
    assert {key: found[key] for key in layout} == layout
    assert (found["type"], found["numRows"]) == ("TABLE", "1")


@pytest.mark.parametrize(
    ("partition_by", "layout"),
    [
        ("day CLUSTER BY quality", {"timePartitioning": {"type": "DAY", "field": "day"}}),
        ("DATE(at)", {"timePartitioning": {"type": "DAY", "field": "at"}}),
        ("TIMESTAMP_TRUNC(at, HOUR)", {"timePartitioning": {"type": "HOUR", "field": "at"}}),
        ("DATE_TRUNC(day, YEAR)", {"timePartitioning": {"type": "YEAR", "field": "day"}}),
        ("_PARTITIONDATE", {"timePartitioning": {"type": "DAY"}}),
        ("RANGE_BUCKET(quality, GENERATE_ARRAY(0, 10, 1))", {"rangePartitioning": RANGE}),
    ],
)
def test_ddl_says_the_same(
    client: bigquery.Client, rows: Rows, dataset: str, partition_by: str, layout: dict[str, Any]
) -> None:
    columns = "(day DATE, at TIMESTAMP, quality INT64)"
    options = "OPTIONS (require_partition_filter = TRUE, description = 'wines')"
    client.query_and_wait(f"CREATE TABLE {dataset}.wines {columns} PARTITION BY {partition_by} {options}")
    found = client.get_table(f"{dataset}.wines")
    assert {key: found.to_api_repr()[key] for key in layout} == layout
    assert (found.require_partition_filter, found.description) == (True, "wines")
    assert found.clustering_fields == (["quality"] if "CLUSTER" in partition_by else None)


def test_jobs_make_partitioned_tables_and_fit_them(client: bigquery.Client, rows: Rows, dataset: str) -> None:
    name = f"{client.project}.{dataset}.wines"
    by_day = bigquery.TimePartitioning(field="day")
    load = bigquery.LoadJobConfig(schema=COLUMNS[:1], time_partitioning=by_day, clustering_fields=["day"])
    for _ in range(2):
        client.load_table_from_file(io.BytesIO(b"2026-01-02\n"), name, job_config=load).result()
    query = bigquery.QueryJobConfig(
        destination=name,
        write_disposition="WRITE_APPEND",
        time_partitioning=bigquery.TimePartitioning("MONTH", "day"),
    )
    select = f"SELECT day FROM `{name}`"
    with pytest.raises(BadRequest, match="Incompatible table partitioning specification"):
        client.query(select, job_config=query).result()
    client.query_and_wait(f"CREATE TABLE {dataset}.c PARTITION BY day AS {select}")
    assert client.get_table(f"{dataset}.c").time_partitioning.field == "day"
    assert rows(f"SELECT COUNT(*) FROM {dataset}.c WHERE day = '2026-01-02'") == [(2,)]
    with pytest.raises(BadRequest, match=r"Cannot replace table .* with a different partitioning"):
        client.query_and_wait(f"CREATE OR REPLACE TABLE {dataset}.c AS {select}")
    with pytest.raises(MethodNotImplemented, match=r"partition decorators \(wines\$20260102\)"):
        client.load_table_from_file(io.BytesIO(b"2026-01-02\n"), f"{name}$20260102", job_config=load).result()


@pytest.mark.parametrize(
    ("layout", "complaint"),
    [
        ({"timePartitioning": {"field": "nosuch"}}, "cannot be found in the schema: nosuch"),
        ({"timePartitioning": {"field": "quality"}}, "only be of type TIMESTAMP, DATE or DATETIME"),
        ({"timePartitioning": {"type": "HOUR", "field": "day"}}, "DATE column cannot be partitioned by HOUR"),
        ({"timePartitioning": {"type": "WEEK"}}, "Invalid value for timePartitioning.type: WEEK"),
        ({"timePartitioning": {"type": "DAY"}, "rangePartitioning": RANGE}, "Only one of"),
        ({"rangePartitioning": RANGE | {"field": "ph"}}, "only be of type INTEGER"),
        ({"rangePartitioning": {"field": "quality"}}, "needs start, end and interval"),
        ({"clustering": {"fields": ["ph"]}}, "ph has type FLOAT, which is not supported for clustering"),
        ({"requirePartitionFilter": True}, "only be set on partitioned tables"),
    ],
)
def test_what_cannot_be_partitioned_is_refused(
    make: Callable[..., str], layout: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadRequest, match=complaint):
        make(**layout)


def test_partitions_stay_clusters_and_the_filter_may_change(
    client: bigquery.Client, make: Callable[..., str]
) -> None:
    table = client.get_table(make(timePartitioning={"type": "DAY", "field": "day"}))
    table.clustering_fields = ["quality"]
    table.require_partition_filter = True
    changed = client.update_table(table, ["clustering_fields", "require_partition_filter"])
    assert (changed.clustering_fields, changed.require_partition_filter) == (["quality"], True)
    assert changed.time_partitioning.field == "day"
    changed.time_partitioning = bigquery.TimePartitioning(field="at")
    with pytest.raises(BadRequest, match="Cannot change the partitioning of table"):
        client.update_table(changed, ["time_partitioning"])


class TestPartitionFilter:
    @pytest.fixture
    def table(self, client: bigquery.Client, make: Callable[..., str]) -> str:
        name = make(timePartitioning={"type": "DAY", "field": "day"}, requirePartitionFilter=True)
        client.query_and_wait(
            f"INSERT INTO `{name}` (day, quality) VALUES ('2026-01-02', 6), ('2026-01-03', 7)"
        )
        return name

    @pytest.mark.parametrize(
        "condition",
        [
            "day = '2026-01-02'",
            "wines.day BETWEEN '2026-01-01' AND '2026-01-02' AND quality > 0",
            "(day IN (DATE '2026-01-02') OR day IS NULL)",
            "CAST(day AS TIMESTAMP) < TIMESTAMP '2026-01-03' AND quality = 6",
        ],
    )
    def test_a_query_with_one_runs(self, rows: Rows, table: str, condition: str) -> None:
        assert rows(f"SELECT COUNT(*) FROM `{table}` AS wines WHERE {condition}") == [(1,)]

    @pytest.mark.parametrize(
        "query",
        [
            "SELECT * FROM `{0}`",
            "SELECT * FROM `{0}` FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()",
            "SELECT * FROM `{0}` WHERE quality = 6",
            "SELECT * FROM `{0}` WHERE day = '2026-01-02' OR quality = 6",
            "SELECT * FROM `{0}` WHERE CAST(day AS STRING) = '2026-01-02'",
            "SELECT * FROM `{0}` WHERE EXTRACT(YEAR FROM day) = 2026",
            "SELECT * FROM `{0}` WHERE day = (SELECT DATE '2026-01-02')",
            "SELECT * FROM `{0}` AS a JOIN `{0}` AS b USING (day) WHERE a.day = '2026-01-02'",
            "DELETE FROM `{0}` WHERE quality = 6",
        ],
    )
    def test_a_query_without_one_is_refused_as_there(
        self, client: bigquery.Client, table: str, query: str
    ) -> None:
        expected = (
            rf"Cannot query over table '{table}' without a filter over column\(s\) 'day' "
            "that can be used for partition elimination"
        )
        with pytest.raises(BadRequest, match=expected) as refused:
            client.query_and_wait(query.format(table))
        assert refused.value.errors[0]["reason"] == "invalidQuery"

    def test_rows_can_be_listed_and_truncated_without_one(self, client: bigquery.Client, table: str) -> None:
        assert len(list(client.list_rows(table))) == 2
        client.query_and_wait(f"TRUNCATE TABLE `{table}`")
        assert client.get_table(table).num_rows == 0

    def test_the_columns_of_ingestion_time_are_named(
        self, client: bigquery.Client, make: Callable[..., str]
    ) -> None:
        name = make(timePartitioning={"type": "DAY"}, requirePartitionFilter=True)
        with pytest.raises(BadRequest, match="'_PARTITION_LOAD_TIME', '_PARTITIONDATE', '_PARTITIONTIME'"):
            client.query_and_wait(f"SELECT 1 FROM `{name}`")


def test_ingestion_time_is_a_column_that_star_leaves_out(
    client: bigquery.Client, rows: Rows, make: Callable[..., str]
) -> None:
    name = make(timePartitioning={"type": "DAY"})
    client.query_and_wait(f"INSERT INTO `{name}` (quality) VALUES (6)")
    client.insert_rows_json(name, [{"quality": 7}])
    today = "_PARTITIONTIME = TIMESTAMP_TRUNC(CURRENT_TIMESTAMP(), DAY)"
    assert rows(f"SELECT * FROM `{name}` WHERE {today}") == [(None, None, 6, None)]
    assert rows(f"SELECT quality FROM `{name}` WHERE _PARTITIONDATE IS NULL") == [(7,)]
    assert rows(f"SELECT COUNT(*), COUNT(_PARTITIONTIME) FROM `{name}`") == [(2, 1)]
    with pytest.raises(MethodNotImplemented, match="UPDATE of a table partitioned by ingestion time"):
        client.query_and_wait(f"UPDATE `{name}` SET quality = 1 WHERE TRUE")
