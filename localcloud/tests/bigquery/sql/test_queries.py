"""SELECT statements: results, bytes billed, and errors."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from google.api_core.exceptions import BadRequest, Conflict, Forbidden, MethodNotImplemented, NotFound
from google.cloud import bigquery

DRY = bigquery.QueryJobConfig(dry_run=True)


def test_values_of_every_type_come_back_as_they_were(rows) -> None:
    query = """SELECT 7 AS i, 0.1 AS f, TRUE AS b, 'wine' AS s, b'\\x00\\xff' AS y,
        TIMESTAMP '2024-05-01 10:00:00.123456+02' AS ts, DATE '2024-05-01' AS d,
        DATETIME '2024-05-01 10:00:00' AS dt, NUMERIC '1.25' AS n, CAST(NULL AS INT64) AS nothing"""
    assert rows(query) == [
        (
            *(
                7,
                0.1,
                True,
                "wine",
                b"\x00\xff",
                datetime(2024, 5, 1, 8, 0, 0, 123456, UTC),
                date(2024, 5, 1),
            ),
            *(datetime(2024, 5, 1, 10), Decimal("1.25"), None),
        )
    ]


def test_no_comparison_with_nan_holds(rows) -> None:
    values = "(SELECT CAST('nan' AS FLOAT64) AS x UNION ALL SELECT 5.0 UNION ALL SELECT NULL)"
    query = f"""SELECT COUNTIF(x > 1), COUNTIF(x < 1), COUNTIF(x >= x), COUNTIF(x = x), COUNTIF(x != x),
        COUNTIF(NOT x BETWEEN 0 AND 25), COUNTIF(IS_NAN(x)), COUNTIF(x IS NULL) FROM {values}"""
    assert rows(query) == [(1, 0, 1, 1, 1, 1, 1, 1)]
    assert math.isnan(rows(f"SELECT MIN(x) OVER () FROM {values} LIMIT 1")[0][0])
    low, high = rows(f"SELECT MIN(x), MAX(x) FROM {values}")[0]
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2000000000 + 2000000000", 4000000000),
        ("5 / 2", 2.5),
        ("DIV(-7, 2)", -3),
        ("MOD(-7, 3)", -1),
        ("SAFE_DIVIDE(1, 0)", None),
        ("CAST(2.5 AS INT64)", 3),
        ("CAST(1.0 AS STRING)", "1"),
        ("SAFE_CAST('x' AS FLOAT64)", None),
        ("ROUND(-2.5)", -3.0),
        ("IF(TRUE, 'a', 'b') || CONCAT('c', 'd')", "acd"),
        ("GREATEST(1, NULL)", None),
        ("TIMESTAMP_MILLIS(1500)", datetime(1970, 1, 1, 0, 0, 1, 500000, UTC)),
        ("UNIX_MILLIS(TIMESTAMP_SECONDS(2))", 2000),
        ("EXTRACT(YEAR FROM TIMESTAMP '2024-05-01')", 2024),
        ("TIMESTAMP_DIFF(TIMESTAMP '2024-01-02', TIMESTAMP '2024-01-01', HOUR)", 24),
        ("REGEXP_CONTAINS('white', 'w.i')", True),
        ("3 IN UNNEST([1, 2, 3])", True),
        ("(SELECT APPROX_QUANTILES(x, 4)[OFFSET(2)] FROM UNNEST([1, 2, 3, 4, 5]) AS x)", 3),
        ("(SELECT STDDEV(x) FROM UNNEST([1, 2, 3]) AS x)", 1.0),
    ],
)
def test_functions_mean_what_bigquery_means(rows, expression, value) -> None:
    assert rows(f"SELECT {expression}") == [(value,)]


def test_nameless_columns_are_numbered(client: bigquery.Client) -> None:
    result = client.query_and_wait("SELECT 1, 2 AS a, 3")
    assert [field.name for field in result.schema] == ["f0_", "a", "f1_"]


def test_names_may_use_a_default_dataset_and_with(client: bigquery.Client, wine_table: str) -> None:
    project, dataset, table = wine_table.split(".")
    config = bigquery.QueryJobConfig(default_dataset=f"{project}.{dataset}")
    query = f"WITH good AS (SELECT quality FROM {table} WHERE quality >= 6) SELECT COUNT(*) FROM good"
    assert [row.values() for row in client.query_and_wait(query, job_config=config)] == [(3258,)]
    qualified = f"SELECT COUNT({table}.quality) FROM `{project}`.{dataset}.{table}"
    assert [row.values() for row in client.query_and_wait(qualified)] == [(4898,)]


def test_parameters_by_name_and_by_position(client: bigquery.Client, wine_table: str) -> None:
    named = bigquery.QueryJobConfig(
        query_parameters=[
            bigquery.ScalarQueryParameter("least", "INT64", 9),
            bigquery.ArrayQueryParameter("any", "INT64", [3, 9]),
        ]
    )
    query = f"SELECT COUNT(*) FROM `{wine_table}` WHERE quality >= @least AND quality IN UNNEST(@any)"
    assert [row.values() for row in client.query_and_wait(query, job_config=named)] == [(5,)]
    parameters = [("STRING", "a'; DROP"), ("FLOAT64", 1.5), ("BOOL", True), ("DATE", date(2024, 1, 2))]
    positional = bigquery.QueryJobConfig(
        query_parameters=[bigquery.ScalarQueryParameter(None, *parameter) for parameter in parameters]
    )
    result = client.query_and_wait("SELECT ?, ?, ?, ?, '?'", job_config=positional)
    assert [row.values() for row in result] == [("a'; DROP", 1.5, True, date(2024, 1, 2), "?")]


def test_a_dry_run_prices_the_columns_it_names_and_runs_nothing(
    client: bigquery.Client, wine_table: str
) -> None:
    def price(query: str) -> int:
        return client.query(query, job_config=DRY).total_bytes_processed

    column = 4898 * 8
    assert price(f"SELECT COUNT(*) FROM `{wine_table}`") == 0
    assert price(f"SELECT AVG(ph) FROM `{wine_table}` WHERE quality > 5") == 2 * column
    assert price(f"SELECT * FROM `{wine_table}`") == 12 * column
    assert price(f"DELETE FROM `{wine_table}` WHERE quality > 5") == column
    job = client.query(f"SELECT ph, quality AS q FROM `{wine_table}`", job_config=DRY)
    assert [(field.name, field.field_type) for field in job.schema] == [("ph", "FLOAT"), ("q", "INTEGER")]
    assert [table.table_id for table in job.referenced_tables] == ["white_wine"]
    assert client.get_table(wine_table).num_rows == 4898
    with pytest.raises(BadRequest, match="Unrecognized name: nosuch at"):
        client.query(f"SELECT nosuch FROM `{wine_table}`", job_config=DRY)


def test_a_result_comes_in_pages_and_in_order(client: bigquery.Client, wine_table: str) -> None:
    query = f"SELECT quality, ph FROM `{wine_table}` ORDER BY quality DESC, ph"
    whole = [row.values() for row in client.query(query).result()]
    paged = client.query(query).result(page_size=1000)
    assert [row.values() for row in paged] == whole
    assert whole == sorted(whole, key=lambda row: (-row[0], row[1]))


def test_a_result_becomes_a_dataframe(client: bigquery.Client, wine_table: str) -> None:
    query = f"SELECT quality, ph FROM `{wine_table}`"
    by_rest = client.query(query).to_dataframe(create_bqstorage_client=False)
    first_page = client.query_and_wait(query).to_dataframe()
    assert by_rest.equals(first_page)
    assert by_rest.shape == (4898, 2)
    assert by_rest["quality"].sum() == 28790


def test_a_destination_table_obeys_its_dispositions(client: bigquery.Client, rows, wine_table: str) -> None:
    target = f"{wine_table}_best"
    query = f"SELECT ph, quality FROM `{wine_table}` WHERE quality = 9"

    def run(**options) -> None:
        client.query(query, job_config=bigquery.QueryJobConfig(destination=target, **options)).result()

    with pytest.raises(NotFound, match="Not found: Table"):
        run(create_disposition="CREATE_NEVER")
    run()
    with pytest.raises(Conflict, match="Already Exists: Table"):
        run()
    run(write_disposition="WRITE_APPEND")
    assert client.get_table(target).num_rows == 10
    run(write_disposition="WRITE_TRUNCATE")
    assert client.get_table(target).num_rows == 5
    client.query_and_wait(f"UPDATE `{target}` SET ph = 1 WHERE TRUE")
    assert rows(f"SELECT DISTINCT ph FROM `{target}`") == [(1.0,)]


@pytest.mark.parametrize(
    ("query", "error", "complaint"),
    [
        ("SELEC 1", BadRequest, r"Syntax error: .* at \[1:\d+\]"),
        ("SELECT 1 FROM", BadRequest, "Syntax error: Expected table name but got end of input"),
        (
            "SELECT quality FROM `{table}` WHERE nosuch > 1",
            BadRequest,
            r"Unrecognized name: nosuch at \[1:\d+\]",
        ),
        (
            "SELECT quality FROM `{table}` WHERE quality = 'x'",
            BadRequest,
            "No matching signature for operator =",
        ),
        ("SELECT SUM('a')", BadRequest, "No matching signature for SUM"),
        ("SELECT 1 / 0", BadRequest, "division by zero"),
        ("SELECT CAST('x' AS INT64)", BadRequest, "Bad int64 value: x"),
        ("SELECT 1 AS a, 2 AS a", BadRequest, "Duplicate column names"),
        ("SELECT @x", BadRequest, "Query parameter 'x' not found"),
        ("SELECT * FROM white_wine", BadRequest, "must be qualified with a dataset"),
        ("SELECT * FROM `{table}x`", NotFound, "Not found: Table .* was not found in location EU"),
        ("SELECT * FROM nowhere.t", NotFound, "Not found: Dataset .*:nowhere was not found in location EU"),
        ("SELECT * FROM other.d.t", Forbidden, "Access Denied: Table other:d.t"),
        ("SELECT 1; SELECT 2", MethodNotImplemented, "scripts of more than one statement"),
        ("DECLARE x INT64", MethodNotImplemented, "DECLARE statements"),
        (
            "CREATE MATERIALIZED VIEW d.v AS SELECT 1 AS a",
            MethodNotImplemented,
            "MATERIALIZED of CREATE VIEW",
        ),
        ("CREATE FUNCTION d.f() AS (1)", MethodNotImplemented, "CREATE FUNCTION"),
        ("SELECT @@project_id", MethodNotImplemented, "the system variable @@project_id"),
        ("SELECT KEYS.NEW_KEYSET('x')", MethodNotImplemented, r"KEYS\.NEW_KEYSET"),
        ("SELECT read_text('/etc/passwd')", MethodNotImplemented, "READ_TEXT"),
        ("SELECT * FROM ML.PREDICT(MODEL d.m, TABLE d.t)", MethodNotImplemented, "the function PREDICT"),
        (
            "SELECT * FROM d.INFORMATION_SCHEMA.VIEWS",
            NotFound,
            "Not found: Dataset .*:d was not found in location EU",
        ),
        ("DROP TABLE d.INFORMATION_SCHEMA.TABLES", MethodNotImplemented, "INFORMATION_SCHEMA"),
        ("SELECT * FROM `d.t_*`", MethodNotImplemented, "wildcard tables"),
        ("SELECT * FROM `{table}` TABLESAMPLE SYSTEM (1 PERCENT)", MethodNotImplemented, "(?i)sample"),
        ("SELECT [[1, 2]]", MethodNotImplemented, "result column of type"),
        ("SELECT BIGNUMERIC '1'", MethodNotImplemented, "the type BIGNUMERIC"),
    ],
)
def test_what_cannot_run_says_why(client, wine_table, query, error, complaint) -> None:
    with pytest.raises(error, match=complaint):
        client.query(query.format(table=wine_table)).result()


def test_an_array_is_a_result_column_that_can_be_kept(client: bigquery.Client, dataset: str) -> None:
    name = f"{client.project}.{dataset}.arrays"
    query = "SELECT [1, 2] AS numbers, ['a'] AS texts, CAST(NULL AS ARRAY<INT64>) AS none"

    client.query(query, job_config=bigquery.QueryJobConfig(destination=name)).result()

    for rows in (client.query_and_wait(query), client.list_rows(name)):
        assert [tuple(row.values()) for row in rows] == [([1, 2], ["a"], [])]
    assert [field.mode for field in client.get_table(name).schema] == ["REPEATED"] * 3


def test_legacy_sql_is_refused(client: bigquery.Client) -> None:
    with pytest.raises(MethodNotImplemented, match="legacy SQL"):
        client.query("SELECT 1", job_config=bigquery.QueryJobConfig(use_legacy_sql=True)).result()
