"""Clauses that BigQuery treats differently from DuckDB."""

from __future__ import annotations

import pytest

from localcloud.errors import ApiError

ROWS = "FROM UNNEST([3, 1, 2]) AS x ORDER BY x"


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#set_operators
        ("SELECT 1 INTERSECT ALL SELECT 1", "Expected keyword DISTINCT after INTERSECT"),
        ("SELECT 1 EXCEPT ALL SELECT 1", "Expected keyword DISTINCT after EXCEPT"),
        ("SELECT 1 UNION DISTINCT SELECT 1 UNION ALL SELECT 2", "Different set operations cannot be used"),
        ("SELECT 1 UNION ALL SELECT 1 EXCEPT DISTINCT SELECT 2", "Different set operations cannot be used"),
        # ...#limit_and_offset_clause
        (f"SELECT x {ROWS} LIMIT NULL", "LIMIT expects a non-negative integer literal or parameter"),
        (f"SELECT x {ROWS} LIMIT 1.5", "LIMIT expects a non-negative integer literal or parameter"),
        (f"SELECT x {ROWS} OFFSET 1", "Unexpected keyword OFFSET without LIMIT"),
        # .../standard-sql/lexical#escape_sequences, #floating_point_literals
        (r"SELECT '\q'", r"Illegal escape sequence: \\q"),
        (r"SELECT b'\x4'", "Illegal escape sequence"),
        ("SELECT 1e400", "Invalid floating point literal: 1e400"),
        # .../standard-sql/navigation_functions#nth_value
        (f"SELECT NTH_VALUE(x, 0) OVER (ORDER BY x) {ROWS}", "must be positive"),
        (f"SELECT SUM(x) OVER (ORDER BY x ROWS -1 PRECEDING) {ROWS}", "must not be negative"),
        # .../standard-sql/lexical#reserved_keywords
        ("SELECT 1 LIMIT", r"Unexpected keyword LIMIT at \[1:10\]"),
        ("SELECT 1 AS `limit`, 2 AS end", "Unexpected keyword END"),
        ("SELECT * FROM UNNEST([1]) AS rows", "Unexpected keyword ROWS"),
        ("SELECT 1 AS 'a'", 'Unexpected string literal "a"'),
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#array_type
        ("SELECT [1] = [1]", "operator EQ is not defined for arguments of type ARRAY"),
        ("SELECT [1] < [2]", "operator LT is not defined for arguments of type ARRAY"),
        ("SELECT a FROM (SELECT [1] AS a) ORDER BY a", "ORDER BY does not support expressions of type ARRAY"),
    ],
)
def test_what_bigquery_does_not_take_is_refused(answer, query: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint) as error:
        answer(query)
    assert error.value.code == 400


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("(SELECT 1 UNION DISTINCT SELECT 1) UNION ALL SELECT 1", ["1", "1"]),
        ("SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 1", ["1", "1", "1"]),
        ("SELECT 1 EXCEPT DISTINCT SELECT 2 EXCEPT DISTINCT SELECT 3", ["1"]),
        (f"SELECT x {ROWS} LIMIT 1 OFFSET 1", ["2"]),
        (r"""SELECT 'a\'\n\x41\101\u0041' || r'\q' || "'" || '\\d'""", ["a'\nAAA\\q'\\d"]),
        ("SELECT (SELECT MAX(y) FROM UNNEST([x, 3]) AS y) FROM UNNEST([5, 2]) AS x ORDER BY 1", ["3", "5"]),
        (
            "SELECT t.a + z FROM UNNEST([STRUCT(1 AS a, [10, 20] AS b)]) AS t, t.b AS z ORDER BY z",
            ["11", "21"],
        ),
    ],
)
def test_what_it_takes_is_answered(answer, query: str, rows: list[str]) -> None:
    assert answer(query) == rows
