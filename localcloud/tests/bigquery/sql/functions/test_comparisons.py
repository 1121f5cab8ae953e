"""NaN, NULL and patterns: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types."""

from __future__ import annotations

import pytest

from localcloud.errors import ApiError

NUMBERS = """(SELECT CAST('nan' AS FLOAT64) AS x UNION ALL SELECT 5.0 UNION ALL SELECT NULL
    UNION ALL SELECT CAST('-inf' AS FLOAT64))"""
ASCENDING = [None, "NaN", "-Infinity", "5.0"]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (f"SELECT x FROM {NUMBERS} ORDER BY x", ASCENDING),
        (f"SELECT x FROM {NUMBERS} ORDER BY x DESC", ASCENDING[::-1]),
        (f"SELECT x AS y FROM {NUMBERS} ORDER BY y", ASCENDING),
        (f"SELECT x FROM {NUMBERS} ORDER BY 1", ASCENDING),
        (f"SELECT x FROM {NUMBERS} ORDER BY x NULLS LAST", [*ASCENDING[1:], None]),
        (f"SELECT -x AS x FROM {NUMBERS} ORDER BY x", [None, "NaN", "-5.0", "Infinity"]),
        (f"SELECT DISTINCT x FROM {NUMBERS} ORDER BY x", ASCENDING),
        (f"SELECT x FROM {NUMBERS} UNION ALL SELECT 7.0 ORDER BY x LIMIT 3", ASCENDING[:3]),
        (f"SELECT ROW_NUMBER() OVER (ORDER BY x) FROM {NUMBERS} ORDER BY x", ["1", "2", "3", "4"]),
        (f"SELECT ARRAY_AGG(x IGNORE NULLS ORDER BY x) FROM {NUMBERS}", [ASCENDING[1:]]),
        ("SELECT x FROM UNNEST([3, NULL, 1]) AS x ORDER BY x", [None, "1", "3"]),
        ("SELECT x FROM UNNEST([3, NULL, 1]) AS x ORDER BY x DESC", ["3", "1", None]),
    ],
)
def test_nan_comes_before_all_numbers_and_null_before_nan(answer, query: str, rows: list[str | None]) -> None:
    assert answer(query) == rows


@pytest.mark.parametrize(
    ("condition", "hits"),
    [
        ("x > 1", "1"),
        ("x < 10", "2"),
        ("x = x", "2"),
        ("x != x", "1"),
        ("x BETWEEN 0 AND 10", "1"),
        ("NOT x BETWEEN 0 AND 10", "2"),
        ("x IN (x)", "2"),
        ("x IN (5, 6)", "1"),
        ("IS_NAN(x)", "1"),
        ("IS_INF(x)", "1"),
        ("CASE x WHEN x THEN TRUE ELSE FALSE END", "2"),
        ("NULLIF(x, x) IS NULL", "3"),
    ],
)
def test_no_comparison_with_nan_holds(answer, condition: str, hits: str) -> None:
    assert answer(f"SELECT COUNTIF({condition}) FROM {NUMBERS}") == [hits]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/conditional_expressions#nullif
        ("NULLIF(1, 1.5)", "1.0"),
        ("NULLIF(2, NUMERIC '2')", None),
        ("NULLIF(CAST('nan' AS FLOAT64), 1)", "NaN"),
        ("CASE CAST('nan' AS FLOAT64) WHEN 1 THEN 'a' WHEN CAST('nan' AS FLOAT64) THEN 'b' END", None),
        ("GREATEST(1, 3, 2)", "3"),
        ("GREATEST(1, NULL)", None),
        ("LEAST(1, NULL)", None),
        ("LEAST(CAST('nan' AS FLOAT64), 1)", "NaN"),
        ("GREATEST(CAST('nan' AS FLOAT64), 1)", "NaN"),
        (r"'a%b' LIKE 'a\\%b'", "true"),
        (r"'axb' LIKE 'a\\%b'", "false"),
        (r"'a_b' LIKE r'a\_b'", "true"),
        (r"'axb' LIKE r'a\_b'", "false"),
        ("'abc' LIKE 'a%'", "true"),
        ("'abc' NOT LIKE 'a_c'", "false"),
        ("'a' LIKE 'A'", "false"),
    ],
)
def test_extremes_and_patterns(answer, expression: str, value: str | None) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("SELECT 'a' = 1", "operator = for argument types: STRING, INT64"),
        ("SELECT TRUE = 1", "operator = for argument types: BOOL, INT64"),
        ("SELECT 'a' || 1", r"operator \|\| for argument types: STRING, INT64"),
        ("SELECT 1 WHERE 1", "WHERE clause should return type BOOL, but returns type INT64"),
        ("SELECT x + 1 AS y FROM UNNEST([1]) AS x WHERE y > 1", r"Unrecognized name: y at \[1:47\]"),
        ("SELECT 1 AS a, a + 1 AS b", "Unrecognized name: a"),
    ],
)
def test_what_duckdb_would_take_is_refused(answer, query: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint) as error:
        answer(query)
    assert error.value.code == 400


@pytest.mark.parametrize("value", ["CAST('nan' AS FLOAT64)", "1.5"])
def test_using_takes_no_column_that_may_hold_nan(answer, value: str) -> None:
    side = f"(SELECT {value} AS x, 1 AS y)"
    assert answer(f"SELECT 'joined' FROM {side} JOIN {side} USING (y)") == ["joined"]
    for columns in ("x", "y, x"):
        with pytest.raises(ApiError, match="JOIN USING of FLOAT64 columns") as error:
            answer(f"SELECT 1 FROM {side} JOIN {side} USING ({columns})")
        assert error.value.code == 501


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT x + 1 AS x FROM UNNEST([1]) AS x WHERE x = 1", ["2"]),
        (
            "SELECT x AS y, COUNT(*) AS n FROM UNNEST([1, 1]) AS x GROUP BY y HAVING n > 1 ORDER BY y",
            [("1", "2")],
        ),
        ("SELECT x AS y FROM UNNEST([1, 2]) AS x QUALIFY ROW_NUMBER() OVER (ORDER BY x) = 1", ["1"]),
        ("SELECT X FROM (SELECT 1 AS x) AS T WHERE t.x = 1", ["1"]),
    ],
)
def test_names_are_found_where_they_may_stand(answer, query: str, rows: list[object]) -> None:
    assert answer(query) == rows


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#like_operator_quantified and
        # googlesql/compliance/testdata/like_any.test and like_all.test of https://github.com/google/googlesql
        ("'abc' LIKE ANY ('x', 'a%')", "true"),
        ("'abc' LIKE SOME ('x', '%d')", "false"),
        ("'abc' LIKE ALL ('a%', '%c')", "true"),
        ("'abc' LIKE ANY (NULL, 'abc')", "true"),
        ("'abc' LIKE ANY (NULL, 'x')", None),
        ("'abc' LIKE ALL (NULL, 'x')", "false"),
        ("NULL LIKE ANY ('x')", None),
        ("b'abc' LIKE ANY (b'x', b'a%')", "true"),
        # NOT belongs to each pattern
        ("'abc' NOT LIKE ANY ('abc', 'x')", "true"),
        ("'abc' NOT LIKE ANY ('abc', '%b%')", "false"),
        ("'abc' NOT LIKE ALL ('abc', NULL)", "false"),
        ("NOT 'abc' LIKE ANY ('abc', 'x')", "false"),
        # of no pattern none matches, and all do
        ("'abc' LIKE ANY UNNEST(CAST(NULL AS ARRAY<STRING>))", "false"),
        ("'abc' LIKE ALL UNNEST([])", "true"),
        ("CAST(NULL AS STRING) LIKE ANY UNNEST([])", "false"),
        ("'abc' LIKE ANY UNNEST(['x', NULL])", None),
        ("'abc' LIKE SOME UNNEST(['x', 'a_c'])", "true"),
        ("b'abc' LIKE ALL UNNEST([b'a%', b'%c'])", "true"),
        ("'abc' LIKE ANY (SELECT p FROM UNNEST(['x', 'a%']) AS p)", "true"),
        ("'abc' LIKE ALL (SELECT p FROM UNNEST(['x', 'a%']) AS p)", "false"),
    ],
)
def test_like_with_a_quantifier(answer, condition: str, value: str | None) -> None:
    assert answer(f"SELECT {condition}") == [value]


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        (r"'a' LIKE ANY ('\\')", "LIKE pattern ends with a backslash"),
        ("1 LIKE ANY ('a')", "No matching signature for operator LIKE"),
        ("'a' LIKE ALL UNNEST([1])", "No matching signature for operator LIKE"),
        ("'a' LIKE ANY ()", "need a pattern"),
    ],
)
def test_what_like_with_a_quantifier_does_not_take(answer, condition: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        answer(f"SELECT {condition}")
