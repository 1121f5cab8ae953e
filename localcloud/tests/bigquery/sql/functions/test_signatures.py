"""Types that functions take: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules."""

from __future__ import annotations

import pytest

from localcloud.errors import ApiError


@pytest.mark.parametrize(
    "expression",
    [
        *("IF(TRUE, 1, 'a')", "[1, 'a']", "COALESCE('a', 1)", "CASE WHEN TRUE THEN 1 ELSE 'x' END"),
        *("NULLIF(1, 'a')", "1 IN ('a')", "1 BETWEEN '0' AND '2'", "CASE 1 WHEN '1' THEN 2 END"),
        *("GREATEST(1, '2')", "b'a' = 'a'", "b'a' || 'b'", "DATE '2020-01-01' = TIMESTAMP '2020-01-01'"),
        *("IF(1, 2, 3)", "NOT 1", "TRUE AND 1", "LOGICAL_AND(1)", "-TRUE", "1 = TRUE"),
        *("UPPER(1)", "CONCAT(1, 'a')", "STARTS_WITH(12, '1')", "REPLACE(11, '1', '2')", "STRING_AGG(1)"),
        *("SUM(TRUE)", "AVG(DATE '2020-01-01')", "MOD(5, '2')", "SQRT('4')", "ROUND('1')"),
        *("TO_HEX('a')", "EXTRACT(YEAR FROM '2020-01-01')"),
    ],
)
def test_values_of_other_types_are_refused(answer, expression: str) -> None:
    with pytest.raises(ApiError, match="No matching signature for"):
        answer(f"SELECT {expression}")


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        *(
            (f"{name}()", f"function {name}: too few arguments")
            for name in ("COUNT", "TO_JSON_STRING", "DATE")
        ),
        ("TIMESTAMP()", "too few arguments"),
        ("REGEXP_EXTRACT('a')", "too few arguments"),
        ("REGEXP_REPLACE('a', 'b')", "function REGEXP_REPLACE: too few arguments"),
        ("MAX_BY(1)", "function MAX_BY: too few arguments"),
        ("APPROX_TOP_COUNT(1)", "function APPROX_TOP_COUNT: too few arguments"),
        ("MD5('a', 'b')", "function MD5: too many arguments"),
        ("ARRAY()", "too few arguments"),
        ("FROM('a', 'b')", "Syntax error"),
        ("FORMAT_DATE('%F')", "too few arguments"),
        ("NTILE() OVER (ORDER BY 1)", "function NTILE: too few arguments"),
        ("IF(TRUE, 1)", "function IF: too few arguments"),
        ("IFNULL(1)", "function IFNULL: too few arguments"),
        ("IFNULL(1, 2, 3)", "function IFNULL: too many arguments"),
        ("MAX(1, 2)", "function MAX: too many arguments"),
        ("DATE_ADD(DATE '2020-01-01', 1)", "Syntax error: INTERVAL expression expected"),
        ("UNNEST([1])", "Unexpected keyword UNNEST"),
    ],
)
def test_too_few_and_too_many_arguments_are_refused(answer, expression: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint) as error:
        answer(f"SELECT {expression}")
    assert error.value.code == 400


def test_a_set_operation_has_types_in_common(answer) -> None:
    with pytest.raises(ApiError, match="No matching signature for UNION for argument types: INT64, STRING"):
        answer("SELECT 1 UNION ALL SELECT 'a'")
    assert answer("SELECT 1 AS x UNION ALL SELECT 2.5 ORDER BY x") == ["1.0", "2.5"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("IF(TRUE, 1, 2.5)", "1.0"),
        ("IF(TRUE, DATE '2020-01-01', '2020-01-02')", "2020-01-01"),
        ("DATE '2020-01-01' < '2020-01-02'", "true"),
        ("DATE '2020-01-01' = DATETIME '2020-01-01'", "true"),
        ("TIMESTAMP '2020-01-01' IN ('2020-01-01')", "true"),
        ("COALESCE(NULL, 'a')", "a"),
        ("'x' || NULL", None),
        ("'x' = NULL", None),
        ("[NULL, 1][OFFSET(1)]", "1"),
        ("ARRAY<FLOAT64>[1]", ["1.0"]),
        ("ARRAY<DATE>['2020-01-01']", ["2020-01-01"]),
    ],
)
def test_what_is_coerced_is_taken(answer, expression: str, value: object) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("SELECT ARRAY<INT64>[1.5]", "Array element type FLOAT64 does not coerce to INT64"),
        ("SELECT ARRAY<STRING>[1]", "Array element type INT64 does not coerce to STRING"),
        ("SELECT CAST([1] AS STRING)", "Invalid cast from ARRAY to STRING"),
        ("SELECT CAST(1 AS VARCHAR)", "Type not found: VARCHAR"),
        ("SELECT CAST(1 AS HUGEINT)", "Type not found"),
        ("SELECT 1::INT64", 'Syntax error: Unexpected "::" at'),
        ("SELECT 7 % 2", 'Syntax error: Unexpected "%"'),
        ("SELECT 'a' ILIKE 'A'", 'Syntax error: Unexpected "ILIKE"'),
        ("SELECT * FROM (SELECT 1 AS a) AS x JOIN (SELECT 2 AS b) AS y", "following ON or USING clause"),
        ("SELECT b'a' & b'b'", "does not support bit operators on BYTES"),
        ("SELECT ARRAY<BIGNUMERIC>[1]", "does not support the type BIGNUMERIC"),
        ("SELECT CAST(NULL AS ARRAY<BIGNUMERIC>)", "does not support the type BIGNUMERIC"),
    ],
)
def test_what_only_duckdb_has_is_refused(answer, query: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        answer(query)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (
            "SELECT x, y FROM (SELECT [1, 2] AS l) t JOIN UNNEST(t.l) x JOIN t.l AS y ON x = y",
            {("1", "1"), ("2", "2")},
        ),
        ("SELECT a, b FROM (SELECT 1 AS a) x JOIN (SELECT 1 AS b) y ON a = b", {("1", "1")}),
    ],
)
def test_an_array_is_joined_without_a_condition(answer, query: str, rows: set[object]) -> None:
    assert set(answer(query)) == rows
