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
        ("LOG10(1000)", "2.9999999999999996"),
        ("SAFE.LOG(0)", None),
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
        ("ROUND(2.5, 0, 'ROUND_HALF_EVEN')", "a rounding mode needs a NUMERIC"),
        ("NUMERIC '99999999999999999999999999999' + NUMERIC '99999999999999999999999999999'", "Overflow"),
    ],
)
def test_what_has_no_result_is_an_error(answer, expression: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint) as error:
        answer(f"SELECT {expression}")
    assert error.value.code == 400
