"""PIVOT and UNPIVOT: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#pivot_operator."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, MethodNotImplemented
from google.cloud import bigquery

SALES = (
    "(SELECT 'Kale' AS product, 51 AS sales, 'Q1' AS quarter UNION ALL SELECT 'Kale', 23, 'Q2' "
    "UNION ALL SELECT 'Apple', 77, 'Q1' UNION ALL SELECT 'Apple', 1, 'Q1')"
)
QUARTERS = "(SELECT 'Kale' AS product, 51 AS Q1, 23 AS Q2, NULL AS Q3 UNION ALL SELECT 'Apple', 77, 0, 5)"


def unordered(client: bigquery.Client, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the names of the columns, and the rows, sorted."""
    found = client.query_and_wait(query)
    return [field.name for field in found.schema], sorted((row.values() for row in found), key=str)


@pytest.mark.parametrize(
    ("query", "columns", "rows"),
    [
        (
            f"SELECT * FROM {SALES} PIVOT(SUM(sales) FOR quarter IN ('Q1', 'Q2'))",
            ["product", "Q1", "Q2"],
            [("Apple", 78, None), ("Kale", 51, 23)],
        ),
        (
            f"WITH s AS {SALES} SELECT * FROM s PIVOT(SUM(sales) AS total, COUNT(*) AS n "
            "FOR quarter IN ('Q1', 'Q2' AS two)) AS p WHERE p.n_two > 0",
            ["product", "total_Q1", "n_Q1", "total_two", "n_two"],
            [("Kale", 51, 1, 23, 1)],
        ),
        (
            f"SELECT * FROM (SELECT * EXCEPT (quarter), 1 AS n FROM {SALES}) "
            "PIVOT(COUNT(DISTINCT sales) FOR n IN (1, 2))",
            ["product", "_1", "_2"],
            [("Apple", 2, 0), ("Kale", 2, 0)],
        ),
        (
            f"SELECT * FROM {QUARTERS} UNPIVOT(sales FOR quarter IN (Q1, Q2, Q3))",
            ["product", "sales", "quarter"],
            [
                ("Apple", 0, "Q2"),
                ("Apple", 5, "Q3"),
                ("Apple", 77, "Q1"),
                ("Kale", 23, "Q2"),
                ("Kale", 51, "Q1"),
            ],
        ),
        (
            f"SELECT product, sales FROM {QUARTERS} UNPIVOT INCLUDE NULLS "
            "(sales FOR quarter IN (Q1 AS 1, Q3 AS 3)) AS u WHERE u.quarter = 3",
            ["product", "sales"],
            [("Apple", 5), ("Kale", None)],
        ),
    ],
)
def test_columns_and_rows_change_places(
    client: bigquery.Client, query: str, columns: list[str], rows: list[object]
) -> None:
    assert unordered(client, query) == (columns, rows)


def test_a_table_is_pivoted(client: bigquery.Client, dataset: str) -> None:
    client.query_and_wait(f"CREATE TABLE {dataset}.sales AS SELECT * FROM {SALES}")
    query = f"SELECT * FROM {dataset}.sales PIVOT(MAX(sales) FOR quarter IN ('Q1'))"
    assert unordered(client, query) == (["product", "Q1"], [("Apple", 77), ("Kale", 51)])


@pytest.mark.parametrize(
    ("query", "error", "complaint"),
    [
        (f"SELECT * FROM {SALES} PIVOT(SUM(sales), COUNT(*) FOR quarter IN ('Q1'))", BadRequest, "an alias"),
        (f"SELECT * FROM {QUARTERS} UNPIVOT(v FOR q IN (Q1, Q9))", BadRequest, "Unrecognized name: q9"),
        (f"SELECT * FROM {QUARTERS} UNPIVOT(v FOR q IN (Q1, product))", BadRequest, "No matching signature"),
        (
            f"SELECT * FROM {SALES} PIVOT(ARRAY_AGG(sales) FOR quarter IN ('Q1'))",
            MethodNotImplemented,
            r"support ARRAY_AGG\(sales\) in a PIVOT",
        ),
    ],
)
def test_what_has_no_place_is_refused(
    client: bigquery.Client, query: str, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        client.query_and_wait(query, retry=None)
