"""STRUCT: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#struct_type."""

from __future__ import annotations

import pytest

from localcloud.errors import ApiError

PAIRS = "[STRUCT('a' AS name, 1 AS v), ('a', 2), ('b', 3)]"
NESTED = f"(SELECT 7 AS k, STRUCT(1 AS a, 'x' AS b) AS s, {PAIRS} AS items) AS t"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("STRUCT(1 AS a, 'x' AS b)", ("1", "x")),
        ("STRUCT(1, 'x')", ("1", "x")),
        ("(1, 'x')", ("1", "x")),
        ("STRUCT<a INT64, b DATE>(1, '2024-01-02')", ("1", "2024-01-02")),
        ("STRUCT<INT64, STRUCT<x FLOAT64>>(1, STRUCT(2))", ("1", ("2.0",))),
        ("STRUCT(TIMESTAMP_MICROS(5) AS t, [1, 2] AS l, NUMERIC '1.50' AS n)", ("5", ["1", "2"], "1.5")),
        ("CAST(NULL AS STRUCT<a INT64>)", None),
        ("STRUCT(1 AS a, STRUCT(2 AS c) AS b).b.c", "2"),
        ("CAST(NULL AS STRUCT<a INT64>).a", None),
        (PAIRS, [("a", "1"), ("a", "2"), ("b", "3")]),
        (f"{PAIRS}[OFFSET(2)].name", "b"),
        ("ARRAY<STRUCT<a INT64, b STRING>>[(1, 'x'), (2, NULL)]", [("1", "x"), ("2", None)]),
        (f"ARRAY(SELECT AS STRUCT v, name FROM UNNEST({PAIRS}) WHERE v > 1)", [("2", "a"), ("3", "b")]),
        ("(SELECT AS STRUCT 1 AS a, 2 AS b).b", "2"),
        ("IF(FALSE, STRUCT(1 AS a), STRUCT(2 AS a)).a", "2"),
        ("STRUCT(NULL AS a) IS NULL", "false"),
    ],
)
def test_a_struct_and_its_fields(answer, expression: str, value: object) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#comparison_operators
        ("(1, 2) = (1, 2)", "true"),
        ("STRUCT(1 AS a) = STRUCT(1 AS b)", "true"),
        ("(1, NULL) = (1, NULL)", None),
        ("(1, NULL) = (2, NULL)", "false"),
        ("(1, 2) != (1, 3)", "true"),
        ("(1, 2) IN ((3, 4), (1, 2))", "true"),
        ("(1, NULL) IN ((1, 2))", None),
        ("(1, 5) NOT IN ((1, 2))", "true"),
    ],
)
def test_structs_are_compared_field_by_field(answer, expression: str, value: str | None) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("s = s", "true"),
        ("s = n", None),
        ("s = (1, 'x')", "true"),
        ("(2, 'x') != s", "true"),
        ("n = (2, NULL)", "false"),
        ("s IN ((2, 'y'), (1, 'x'))", "true"),
        ("n NOT IN ((1, 'x'))", None),
        ("STRUCT(s, 1.5) = STRUCT(n, 1.0)", "false"),
    ],
)
def test_structs_of_columns_are_compared_so_too(answer, expression: str, value: str | None) -> None:
    # DuckDB treats NULL as equal to NULL in them
    columns = "STRUCT(1 AS a, 'x' AS b) AS s, STRUCT(1 AS c, CAST(NULL AS STRING) AS d) AS n"
    assert answer(f"SELECT {expression} FROM (SELECT {columns})") == [value]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (f"SELECT * FROM UNNEST({PAIRS}) ORDER BY v", [("a", "1"), ("a", "2"), ("b", "3")]),
        (f"SELECT name, SUM(v) FROM UNNEST({PAIRS}) GROUP BY name ORDER BY name", [("a", "3"), ("b", "3")]),
        (f"SELECT p.v, p FROM UNNEST({PAIRS}) AS p WHERE p.name = 'b'", [("3", ("b", "3"))]),
        (f"SELECT p.* FROM UNNEST({PAIRS}) AS p WHERE v = 1", [("a", "1")]),
        (f"SELECT p.v, o FROM UNNEST({PAIRS}) AS p WITH OFFSET o ORDER BY o DESC LIMIT 1", [("3", "2")]),
        (f"SELECT t.s.a, s.b, k + s.a AS c FROM {NESTED}", [("1", "x", "8")]),
        (f"SELECT s.* FROM {NESTED}", [("1", "x")]),
        (f"SELECT k, i.v FROM {NESTED}, t.items AS i WHERE i.name = 'b'", [("7", "3")]),
        (f"SELECT k, v FROM {NESTED} CROSS JOIN UNNEST(items) WHERE name = 'b'", [("7", "3")]),
        (f"SELECT (SELECT SUM(v) FROM UNNEST(items)) FROM {NESTED}", ["6"]),
        ("SELECT t FROM (SELECT 1 AS a, 2 AS b) AS t", [("1", "2")]),
        ("SELECT AS STRUCT 1 AS a, 2 AS b", [("1", "2")]),
    ],
)
def test_queries_read_structs(answer, query: str, rows: list[object]) -> None:
    # a row of one STRUCT is the STRUCT itself
    assert answer(query) == rows


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate_functions#array_agg
        ("ARRAY_AGG(x)", ["2", "1", "2"]),
        ("ARRAY_AGG(DISTINCT x ORDER BY x)", ["1", "2"]),
        ("ARRAY_AGG(x ORDER BY x DESC LIMIT 2)", ["2", "2"]),
        ("ARRAY_AGG(IF(x = 1, NULL, x) IGNORE NULLS)", ["2", "2"]),
        ("ARRAY_AGG(DISTINCT NULLIF(x, 1) IGNORE NULLS)", ["2"]),
        ("ARRAY_AGG(STRUCT(x AS v) ORDER BY x LIMIT 1)", [("1",)]),
        ("ARRAY_AGG(STRUCT(x AS v, 'n' AS n) ORDER BY x)[OFFSET(0)].n", "n"),
        ("ANY_VALUE(STRUCT(x AS v) HAVING MIN x).v", "1"),
        ("ARRAY_LENGTH(ARRAY_AGG(NULLIF(x, 1)))", "3"),
    ],
)
def test_aggregates_collect(answer, expression: str, value: object) -> None:
    assert answer(f"SELECT {expression} FROM UNNEST([2, 1, 2]) AS x") == [value]


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("SELECT ARRAY_AGG(x) FROM UNNEST([1, NULL]) AS x", "Array cannot have a null element"),
        (f"SELECT * FROM {NESTED} ORDER BY s", "ORDER BY does not support expressions of type STRUCT"),
        (f"SELECT MAX(s) FROM {NESTED}", "No matching signature for MAX for argument type STRUCT"),
        ("SELECT STRUCT<a INT64>(1, 2)", "STRUCT type has 1 fields but constructor call has 2 fields"),
        ("SELECT STRUCT<a INT64>('x')", "Bad int64 value: x"),
        ("SELECT STRUCT(1 AS a, 2 AS b).a, STRUCT(3 AS a).a", "Duplicate column names"),
        # where DuckDB's result differs
        (f"SELECT s = k FROM {NESTED}", "does not support the comparison of a STRUCT"),
        (f"SELECT s = (1, 2) FROM {NESTED}", "STRUCTs whose fields are INT64 and STRING"),
        (f"SELECT s = (1, 'x', 2) FROM {NESTED}", "No matching signature for operator = for argument types"),
        ("SELECT STRUCT([1] AS a) = STRUCT([1] AS a)", "is not defined for arguments of type ARRAY"),
        (f"SELECT s IN UNNEST([s]) FROM {NESTED}", "does not support STRUCT"),
        ("SELECT STRUCT(1 AS a) UNION ALL SELECT STRUCT(2 AS b)", "fields have different names"),
        (f"SELECT [s, (1, 'x')] FROM {NESTED}", "fields have different names"),
        ("SELECT IF(TRUE, STRUCT(1 AS a), STRUCT(2 AS b))", "fields have different names"),
        (f"SELECT COALESCE(s, STRUCT(1 AS z, 'x' AS b)) FROM {NESTED}", "fields have different names"),
        ("SELECT CASE WHEN TRUE THEN STRUCT(1 AS a) ELSE STRUCT(2 AS b) END", "fields have different names"),
        (f"SELECT s.nosuch FROM {NESTED}", "Field name nosuch does not exist in STRUCT at"),
        (f"SELECT k.a FROM {NESTED}", "Cannot access field a on a value that is not a STRUCT"),
        (f"SELECT nosuch.k FROM {NESTED}", "Unrecognized name: nosuch at"),
        (
            f"SELECT * FROM UNNEST({PAIRS}) WITH OFFSET",
            "an UNNEST of STRUCTs WITH OFFSET",
        ),
        ("SELECT [[1]]", "does not support a result column of type BIGINT"),
    ],
)
def test_what_is_no_struct_of_bigquery_is_refused(answer, query: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        answer(query)
