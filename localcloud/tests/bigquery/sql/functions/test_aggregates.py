"""Aggregates: https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate_functions."""

from __future__ import annotations

import pytest

from localcloud.errors import ApiError


@pytest.mark.parametrize(
    ("aggregate", "value"),
    [
        ("COUNT(*)", "0"),
        ("COUNT(x)", "0"),
        ("COUNT(DISTINCT x)", "0"),
        ("COUNTIF(x > 1)", "0"),
        ("APPROX_COUNT_DISTINCT(x)", "0"),
        ("SUM(x)", None),
        ("AVG(x)", None),
        ("AVG(CAST(x AS NUMERIC))", None),
        ("MIN(x)", None),
        ("MAX(CAST(x AS FLOAT64))", None),
        ("STDDEV(x)", None),
        ("VARIANCE(x)", None),
        ("CORR(x, x)", None),
        ("LOGICAL_AND(x > 1)", None),
        ("LOGICAL_OR(x > 1)", None),
        ("ANY_VALUE(x)", None),
        ("STRING_AGG(CAST(x AS STRING))", None),
        ("ARRAY_AGG(x)", []),
        ("APPROX_QUANTILES(x, 2)", []),
    ],
)
def test_an_aggregate_of_no_rows(answer, aggregate: str, value: object) -> None:
    assert answer(f"SELECT {aggregate} FROM UNNEST([1]) AS x WHERE x > 5") == [value]


@pytest.mark.parametrize(
    ("aggregate", "value"),
    [
        ("COUNTIF(x > 5)", "0"),
        ("COUNTIF(x > 2)", "2"),
        ("SUM(x)", "9"),
        ("SUM(DISTINCT x)", "6"),
        ("AVG(x)", "2.25"),
        ("AVG(CAST(x AS NUMERIC))", "2.25"),
        ("COUNT(DISTINCT x)", "3"),
        ("APPROX_COUNT_DISTINCT(x)", "3"),
        ("APPROX_QUANTILES(x, 2)", ["1", "2", "3"]),
        ("ARRAY_AGG(x IGNORE NULLS ORDER BY x DESC LIMIT 2)", ["3", "3"]),
        ("ARRAY_AGG(DISTINCT x IGNORE NULLS ORDER BY x)", ["1", "2", "3"]),
        ("STRING_AGG(DISTINCT CAST(x AS STRING), '-' ORDER BY CAST(x AS STRING))", "1-2-3"),
        ("STRING_AGG(CAST(x AS STRING) ORDER BY x DESC)", "3,3,2,1"),
        ("STRING_AGG(CAST(x AS STRING), '-' ORDER BY x DESC LIMIT 2)", "3-3"),
        ("APPROX_TOP_COUNT(x, 1)", [("3", "2")]),
        ("APPROX_TOP_COUNT(IF(x = 3, NULL, x), 1)", [(None, "3")]),
        ("ARRAY_CONCAT_AGG([COALESCE(x, 0)] ORDER BY x)", ["0", "1", "2", "3", "3"]),
        ("SUM(CAST(x AS FLOAT64))", "9.0"),
        ("SUM(IF(x = 1, CAST('inf' AS FLOAT64), x))", "Infinity"),
        ("SUM(CAST(x AS NUMERIC))", "9"),
        ("ANY_VALUE(x HAVING MAX x)", "3"),
        ("STDDEV_POP(IF(x = 1, 1.0, 3.0))", "0.8"),
        ("STDDEV(IF(x = 1, CAST('nan' AS FLOAT64), x))", "NaN"),
        ("VAR_POP(IF(x = 1, CAST('inf' AS FLOAT64), x))", "NaN"),
        ("MAX(IF(x = 1, CAST('nan' AS FLOAT64), x))", "NaN"),
        ("CORR(IF(x = 1, CAST('nan' AS FLOAT64), x), x)", "NaN"),
        ("CORR(x, IF(x = 1, CAST('-inf' AS FLOAT64), x))", "NaN"),
        ("CORR(CAST(x AS FLOAT64), x)", "1.0"),
        ("COVAR_POP(IF(x = 1, CAST('inf' AS FLOAT64), x), x)", "NaN"),
        ("COVAR_SAMP(x, IF(x = 1, CAST('nan' AS FLOAT64), x))", "NaN"),
        ("COVAR_POP(IF(x IS NULL, CAST('inf' AS FLOAT64), x), x)", "0.6875"),
    ],
)
def test_an_aggregate_of_rows(answer, aggregate: str, value: object) -> None:
    assert answer(f"SELECT {aggregate} FROM UNNEST([1, 2, 3, 3, NULL]) AS x") == [value]


@pytest.mark.parametrize(
    ("call", "rows"),
    [
        ("COUNTIF(x > 5) OVER ()", ["0", "0"]),
        ("COUNTIF(x > 1) OVER (ORDER BY x)", ["0", "1"]),
        ("SUM(x) OVER (ORDER BY x)", ["1", "3"]),
        ("AVG(CAST(x AS NUMERIC)) OVER (ORDER BY x)", ["1", "1.5"]),
        ("AVG(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)", ["1.0", "1.5"]),
        ("MIN(CAST(x AS FLOAT64)) OVER ()", ["1.0", "1.0"]),
        ("FIRST_VALUE(x) OVER (ORDER BY x DESC)", ["2", "2"]),
        ("LAG(x, 1, 0) OVER (ORDER BY x)", ["0", "1"]),
        ("PERCENTILE_CONT(x, 0.25) OVER ()", ["1.25", "1.25"]),
        ("PERCENTILE_CONT(x, 0.5 IGNORE NULLS) OVER (PARTITION BY x)", ["1.0", "2.0"]),
        ("PERCENTILE_DISC(x, 0.5) OVER ()", ["1", "1"]),
        ("PERCENTILE_DISC(CAST(x AS STRING), 1) OVER ()", ["2", "2"]),
        ("STRING_AGG(CAST(x AS STRING)) OVER (ORDER BY x)", ["1", "1,2"]),
        ("CORR(x, x) OVER (ORDER BY x)", [None, "1.0"]),
        ("COVAR_POP(x / 1, IF(x = 2, CAST('nan' AS FLOAT64), x)) OVER (ORDER BY x)", ["0.0", "NaN"]),
        ("COUNT(*) OVER (ORDER BY x / 1 RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)", ["1", "2"]),
        ("COUNT(*) OVER (ORDER BY x RANGE BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING)", ["2", "2"]),
        ("NTILE(2) OVER (ORDER BY x)", ["1", "2"]),
        ("PERCENT_RANK() OVER (ORDER BY x)", ["0.0", "1.0"]),
    ],
)
def test_a_function_over_a_window(answer, call: str, rows: list[str]) -> None:
    assert answer(f"SELECT v FROM (SELECT x, {call} AS v FROM UNNEST([1, 2]) AS x) ORDER BY x") == rows


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        # .../standard-sql/navigation_functions#percentile_cont
        ("PERCENTILE_CONT(x, 0.5)", "PERCENTILE_CONT cannot be called without an OVER clause"),
        ("PERCENTILE_CONT(x, 1.1) OVER ()", "must be a constant from 0 to 1"),
        ("PERCENTILE_DISC(x, x) OVER ()", "must be a constant from 0 to 1"),
        ("PERCENTILE_CONT(x, 0.5) OVER (ORDER BY x)", "Window ORDER BY is not allowed"),
        ("PERCENTILE_CONT('a', 0.5) OVER ()", "No matching signature for PERCENTILE_CONT"),
        (
            "PERCENTILE_CONT(x, 0.5 RESPECT NULLS) OVER ()",
            "does not support RESPECT NULLS in PERCENTILE_CONT",
        ),
        ("PERCENTILE_CONT(NUMERIC '1', 0.5) OVER ()", "does not support PERCENTILE_CONT of NUMERIC"),
        ("PERCENTILE_CONT(CAST('nan' AS FLOAT64), 0.5) OVER ()", "percentiles of values with a NaN"),
        ("RANK() OVER ()", "Window ORDER BY is required for analytic function RANK"),
        ("LAG(x) OVER (PARTITION BY x)", "Window ORDER BY is required for analytic function LAG"),
        ("LAG(x, -1) OVER (ORDER BY x)", "must not be NULL or negative"),
        (
            "ROW_NUMBER() OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
            "Window framing clause is not allowed for analytic function ROW_NUMBER",
        ),
        (
            "COUNT(*) OVER (ORDER BY x / 1 RANGE BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING)",
            "does not support RANGE between UNBOUNDED and a distance of FLOAT64",
        ),
        (
            "COUNT(*) OVER (ORDER BY x / 1 RANGE BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING)",
            "does not support RANGE between UNBOUNDED and a distance of FLOAT64",
        ),
        ("MAX(x HAVING MAX x)", "does not support HAVING MAX and HAVING MIN in MAX"),
        ("MIN([x])", "MIN is not defined for arguments of type ARRAY"),
        ("SUM(IF(x = 1, 1.1e308, 1.2e308))", "double overflow"),
        ("SUM(IF(x = 1, NUMERIC '99999999999999999999999999999', 1))", "numeric overflow"),
    ],
)
def test_what_an_aggregate_or_a_window_does_not_take(answer, call: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        answer(f"SELECT {call} FROM UNNEST([1, 2]) AS x")


def test_a_named_window_lends_its_order(answer) -> None:
    query = "SELECT RANK() OVER w FROM UNNEST([3, 1]) AS x WINDOW v AS (ORDER BY x), w AS (v) ORDER BY x"
    assert answer(query) == ["1", "2"]


def test_group_by_all_groups_by_what_is_no_aggregate(answer) -> None:
    query = "SELECT x, COUNT(*) FROM UNNEST([1, 1, 2]) AS x GROUP BY ALL ORDER BY x"
    assert answer(query) == [("1", "2"), ("2", "1")]


def test_an_array_in_a_result_has_no_null(answer) -> None:
    with pytest.raises(ApiError, match="Array cannot have a null element; error in writing field a"):
        answer("SELECT ARRAY_AGG(x) AS a FROM UNNEST([1, NULL]) AS x")


@pytest.mark.parametrize(
    ("aggregate", "value"),
    [
        ("MAX_BY(s, x)", None),
        ("MIN_BY(s, x)", "a"),
        ("ANY_VALUE(s HAVING MAX x)", None),
        ("BIT_AND(x)", "0"),
        ("BIT_OR(x)", "3"),
        ("BIT_XOR(x)", "0"),
    ],
)
def test_an_aggregate_of_pairs(answer, aggregate: str, value: str | None) -> None:
    pairs = "[STRUCT('a' AS s, 1 AS x), ('b', 2), (NULL, 3)]"
    assert answer(f"SELECT {aggregate} FROM UNNEST({pairs})") == [value]


def test_grouping_tells_which_keys_a_row_leaves_out(answer) -> None:
    # https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate_functions#grouping
    rows = "FROM UNNEST([STRUCT('a' AS k, 1 AS n), ('a', 2), (NULL, 4)])"
    query = f"SELECT k, n, GROUPING(k), GROUPING(n), SUM(n) {rows} GROUP BY {{}} ORDER BY 3, 4, 1, 2"
    groups = [(None, "4", "0", "0", "4"), ("a", "1", "0", "0", "1"), ("a", "2", "0", "0", "2")]
    by_key = [(None, None, "0", "1", "4"), ("a", None, "0", "1", "3")]
    by_number = [(None, "1", "1", "0", "1"), (None, "2", "1", "0", "2"), (None, "4", "1", "0", "4")]
    total = [(None, None, "1", "1", "7")]
    assert answer(query.format("ROLLUP(k, n)")) == groups + by_key + total
    assert answer(query.format("CUBE(k, n)")) == groups + by_key + by_number + total
    assert answer(query.format("GROUPING SETS (k, n, ())")) == by_key + by_number + total
    assert answer(query.format("k, n")) == groups


@pytest.mark.parametrize(
    ("call", "complaint"),
    [("GROUPING(n, k)", "too many arguments"), ("GROUPING(s)", "must be a grouping column")],
)
def test_what_grouping_does_not_take(answer, call: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        answer(f"SELECT {call} FROM UNNEST([STRUCT(1 AS n, 2 AS k, 3 AS s)]) GROUP BY ROLLUP(n, k)")
