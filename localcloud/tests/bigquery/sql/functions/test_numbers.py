"""Arithmetic: https://cloud.google.com/bigquery/docs/reference/standard-sql/mathematical_functions."""

from __future__ import annotations

import pytest

from localcloud.errors import ApiError


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#bitwise_operators
        ("1 << 64", "0"),
        ("1 << 63", "-9223372036854775808"),
        ("-1 >> 1", "9223372036854775807"),
        ("-1 >> 64", "0"),
        ("COS(0)", "1.0"),
        ("7 / 2", "3.5"),
        ("6 / 2", "3.0"),
        ("NUMERIC '10' / 3", "3.333333333"),
        ("NUMERIC '-2' / 3", "-0.666666667"),
        ("NUMERIC '7.5' / 0.5", "15.0"),
        ("DIV(7, 2)", "3"),
        ("DIV(-7, 2)", "-3"),
        ("DIV(NUMERIC '7.5', NUMERIC '2')", "3"),
        ("MOD(-7, 3)", "-1"),
        ("MOD(NUMERIC '7.5', 2)", "1.5"),
        ("SAFE_DIVIDE(1, 0)", None),
        ("SAFE_DIVIDE(1, 4)", "0.25"),
        ("SAFE_DIVIDE(NUMERIC '1', 0)", None),
        ("IEEE_DIVIDE(1, 0)", "Infinity"),
        ("IEEE_DIVIDE(-1, 0)", "-Infinity"),
        ("IEEE_DIVIDE(0, 0)", "NaN"),
        ("SAFE_ADD(9223372036854775807, 1)", None),
        ("SAFE_SUBTRACT(1, 2)", "-1"),
        ("SAFE_MULTIPLY(9223372036854775807, 2)", None),
        ("SAFE_NEGATE(3)", "-3"),
        ("SAFE_ADD(1.7e308, 1.7e308)", None),
        ("SAFE_SUBTRACT(-1.7e308, 1.7e308)", None),
        ("SAFE_MULTIPLY(1e308, 10)", None),
        ("SAFE_DIVIDE(1e308, 1e-10)", None),
        ("SAFE_ADD(CAST('inf' AS FLOAT64), 1)", "Infinity"),
        ("SAFE_MULTIPLY(2, CAST('nan' AS FLOAT64))", "NaN"),
        ("SAFE_DIVIDE(1, CAST('inf' AS FLOAT64))", "0.0"),
        ("2000000000 + 2000000000", "4000000000"),
        ("(SELECT x + x FROM (SELECT 2000000000 AS x))", "4000000000"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("0xFF", "255"),
        ("NUMERIC '12345678901234567890.123456789'", "12345678901234567890.123456789"),
        ("NUMERIC '1.1' + 1", "2.1"),
        ("NUMERIC '1.5' * NUMERIC '2.25'", "3.375"),
        ("NUMERIC '0.000000001' * NUMERIC '0.5'", "0.000000001"),
        ("ROUND(2.5)", "3.0"),
        ("ROUND(-2.5)", "-3.0"),
        ("ROUND(1234.567, -2)", "1200.0"),
        ("ROUND(1234.567, 1)", "1234.6"),
        ("ROUND(15, -1)", "20.0"),
        ("ROUND(NUMERIC '2.345', 2)", "2.35"),
        ("ROUND(NUMERIC '2.345', 2, 'ROUND_HALF_EVEN')", "2.34"),
        ("ROUND(NUMERIC '2.345', 2, 'ROUND_HALF_AWAY_FROM_ZERO')", "2.35"),
        ("ROUND(NUMERIC '12345', -2)", "12300"),
        ("TRUNC(2.78, 1)", "2.7"),
        ("TRUNC(-2.7)", "-2.0"),
        ("CEIL(1.2)", "2.0"),
        ("CEIL(2)", "2.0"),
        ("FLOOR(-1.2)", "-2.0"),
        ("SIGN(-2)", "-1"),
        ("SIGN(-2.5)", "-1.0"),
        ("POW(2, 3)", "8.0"),
        ("LOG(8, 2)", "3.0"),
        ("LOG10(1000)", "3.0"),
        ("SAFE.LOG(0)", None),
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/mathematical_functions#range_bucket
        ("RANGE_BUCKET(20, [0, 10, 20, 30])", "3"),
        ("RANGE_BUCKET(1, CAST([] AS ARRAY<INT64>))", "0"),
        ("RANGE_BUCKET(CAST('nan' AS FLOAT64), [0.0, 10.0])", None),
        ("RANGE_BUCKET(NULL, [0, 10])", None),
        ("5 & 3", "1"),
        ("1 << 3", "8"),
    ],
)
def test_a_number_is_the_one_of_the_reference(answer, expression: str, value: str | None) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("1 << -1", "Bitwise shift by negative offset"),
        ("POW(-1, 0.5)", "Floating point error in function: POW"),
        ("1 / 0", "division by zero: 1 / 0"),
        ("NUMERIC '1' / 0", "division by zero: 1 / 0"),
        ("DIV(1, 0)", "division by zero: 1 / 0"),
        ("MOD(1, 0)", r"division by zero: MOD\(1, 0\)"),
        ("MOD(1.5, 1)", "No matching signature for function MOD"),
        ("9223372036854775807 + 1", "Overflow in addition of INT64"),
        ("9223372036854775807 * 2", "Overflow in multiplication of INT64"),
        ("9223372036854775808", "Invalid integer literal: 9223372036854775808"),
        ("(SELECT SUM(x) FROM UNNEST([9223372036854775807, 1]) AS x)", "out of range"),
        ("LN(0)", "logarithm of zero"),
        ("SQRT(-1)", "square root of a negative number"),
        ("POW(10, 400)", r"Floating point error in function: POW"),
        ("EXP(1000)", "Floating point error in function: EXP"),
        ("RANGE_BUCKET(1, [2, 1])", "must be in ascending order"),
        ("RANGE_BUCKET(1.0, [CAST('nan' AS FLOAT64)])", "must be in ascending order"),
        ("ROUND(2.5, 0, 'ROUND_HALF_EVEN')", "a rounding mode needs a NUMERIC"),
        ("NUMERIC '99999999999999999999999999999' + NUMERIC '99999999999999999999999999999'", "Overflow"),
    ],
)
def test_what_has_no_result_is_an_error(answer, expression: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint) as error:
        answer(f"SELECT {expression}")
    assert error.value.code == 400


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # functions_testlib_math_round.cc and math.cc of https://github.com/google/zetasql: halves are those
        # of a quotient with 64 bits, which a multiplication of FLOAT64 values moves
        ("ROUND(2.675, 2)", "2.67"),
        ("ROUND(1.005, 2)", "1.0"),
        ("ROUND(314159.25, -3)", "314000.0"),
        ("ROUND(3.1415925, 9223372036854775807)", "3.1415925"),
        ("ROUND(3.1415925, -9223372036854775808)", "0.0"),
        ("ROUND(1.6e308, -309)", "0.0"),
        ("ROUND(CAST('inf' AS FLOAT64), -1000)", "Infinity"),
        ("ROUND(CAST('nan' AS FLOAT64), 2)", "NaN"),
        ("ROUND(1.5, NULL)", None),
        ("TRUNC(1.0, -40000)", "0.0"),
        ("TRUNC(1.6e308, -308)", "1e+308"),
        ("TRUNC(NUMERIC '-99999999999999999999.999999999', 1)", "-99999999999999999999.9"),
        # functions_testlib_math.cc
        ("SIGN(CAST('nan' AS FLOAT64))", "NaN"),
        ("POW(0, CAST('-inf' AS FLOAT64))", "Infinity"),
        ("LN(CAST('-inf' AS FLOAT64))", "NaN"),
        ("LOG(2, CAST('inf' AS FLOAT64))", "NaN"),
        ("LOG(CAST('inf' AS FLOAT64), 0.5)", "-Infinity"),
        ("LOG10(0.1)", "-1.0"),
        # .../standard-sql/mathematical_functions: of NUMERIC they are NUMERIC
        ("SQRT(NUMERIC '99999999999999999999999999999.999999999')", "316227766016837.933199889"),
        ("POW(NUMERIC '81', NUMERIC '3.75')", "14348907"),
        ("POW(2, NUMERIC '-2')", "0.25"),
        ("POW(NUMERIC '2', 0.5)", "1.4142135623730951"),
        ("POW(NUMERIC '2', 2) / 3", "1.333333333"),
        ("EXP(NUMERIC '1')", "2.718281828"),
        ("LN(NUMERIC '10')", "2.302585093"),
        ("LOG(NUMERIC '8', 2)", "3"),
        ("LOG10(NUMERIC '1000') / 7", "0.428571429"),
        ("CAST(1e28 AS NUMERIC)", "9999999999999999583119736832"),
        ("CAST('-0x8000000000000000' AS INT64)", "-9223372036854775808"),
    ],
)
def test_a_function_at_its_edges(answer, expression: str, value: str | None) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    "expression",
    [
        *("ROUND(1.6e308, -308)", "ROUND(NUMERIC '99999999999999999999999999999.999999999', 1)"),
        *("SQRT(NUMERIC '-1')", "POW(NUMERIC '0', NUMERIC '-1')", "POW(NUMERIC '-2', NUMERIC '0.5')"),
        *("EXP(NUMERIC '100')", "LN(NUMERIC '0')", "LOG(NUMERIC '8', NUMERIC '1')", "LOG10(0)"),
        *("CAST(CAST('nan' AS FLOAT64) AS NUMERIC)", "CAST('0x8000000000000000' AS INT64)"),
    ],
)
def test_a_function_beyond_its_edges_is_an_error(answer, expression: str) -> None:
    with pytest.raises(ApiError) as error:
        answer(f"SELECT {expression}")
    assert error.value.code == 400
