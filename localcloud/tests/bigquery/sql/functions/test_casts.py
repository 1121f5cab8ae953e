"""CAST: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#cast."""

from __future__ import annotations

import pytest

from localcloud.errors import ApiError


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("CAST(' 12 ' AS INT64)", "12"),
        ("CAST('0x1F' AS INT64)", "31"),
        ("CAST(2.5 AS INT64)", "3"),
        ("CAST(-2.5 AS INT64)", "-3"),
        ("CAST(3.5 AS INT64)", "4"),
        ("CAST(NUMERIC '2.5' AS INT64)", "3"),
        ("CAST(TRUE AS INT64)", "1"),
        ("CAST('1e3' AS FLOAT64)", "1000.0"),
        ("CAST('inf' AS FLOAT64)", "Infinity"),
        ("CAST('1.1234567895' AS NUMERIC)", "1.12345679"),
        ("CAST('TRUE' AS BOOL)", "true"),
        ("CAST(2 AS BOOL)", "true"),
        ("CAST(1.0 AS STRING)", "1"),
        ("CAST(0.1 + 0.2 AS STRING)", "0.30000000000000004"),
        ("CAST(1 / 3 AS STRING)", "0.33333333333333331"),
        ("CAST(1e20 AS STRING)", "1e+20"),
        ("CAST(-0.0 AS STRING)", "0"),
        ("CAST(NUMERIC '1.50' AS STRING)", "1.5"),
        ("CAST(TRUE AS STRING)", "true"),
        ("CAST(b'abc' AS STRING)", "abc"),
        ("CAST('é' AS BYTES)", "w6k="),
        ("CAST(DATE '2024-05-05' AS STRING)", "2024-05-05"),
        ("CAST(TIME '10:00:00.5' AS STRING)", "10:00:00.500"),
        ("CAST(DATETIME '2024-05-05 12:00:00.123456' AS STRING)", "2024-05-05 12:00:00.123456"),
        ("CAST(TIMESTAMP '2024-05-05 12:00:00' AS STRING)", "2024-05-05 12:00:00+00"),
        ("CAST(TIMESTAMP '2024-05-05 12:00:00.1234' AS STRING)", "2024-05-05 12:00:00.123400+00"),
        ("CAST('2024-5-5' AS DATE)", "2024-05-05"),
        ("CAST('2024-05-05T10:00:00' AS DATETIME)", "2024-05-05T10:00:00"),
        ("CAST('2024-05-05 10:00:00+02' AS TIMESTAMP)", "1714896000000000"),
        ("CAST(TIMESTAMP '2024-05-05 10:00:00' AS TIME)", "10:00:00"),
        ("CAST('2024-05-05 America/New_York' AS TIMESTAMP)", "1714881600000000"),
        ("CAST('2024-05-05+02' AS TIMESTAMP)", "1714860000000000"),
        ("SAFE_CAST('x' AS INT64)", None),
        ("SAFE_CAST('1.5' AS INT64)", None),
        (r"SAFE_CAST(b'\xff' AS STRING)", None),
        ("SAFE_CAST('2024-02-30' AS DATE)", None),
        # the strings of the API
        ("TIME '10:00:00.5'", "10:00:00.500000"),
        ("DATETIME '2024-05-05 10:00:00.25'", "2024-05-05T10:00:00.250000"),
    ],
)
def test_a_cast_converts_as_the_reference_says(answer, expression: str, value: str | None) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("CAST('12.7' AS INT64)", "Bad int64 value: 12.7"),
        ("CAST('1_000' AS INT64)", "Bad int64 value: 1_000"),
        ("CAST('x' AS FLOAT64)", "Bad double value: x"),
        ("CAST('yes' AS BOOL)", "Bad bool value: yes"),
        ("CAST('x' AS NUMERIC)", "Invalid NUMERIC value: x"),
        ("CAST('2024-05-05 10:00' AS DATE)", "Invalid date: '2024-05-05 10:00'"),
        ("CAST('2024-05-05 10:00:00+02' AS DATETIME)", "Invalid datetime string"),
        (r"CAST(b'\xff' AS STRING)", "invalid UTF8"),
        ("CAST(1.5 AS BOOL)", "Invalid cast from FLOAT64 to BOOL"),
        ("CAST(1 AS BYTES)", "Invalid cast from INT64 to BYTES"),
        ("CAST(DATE '2024-05-05' AS INT64)", "Invalid cast from DATE to INT64"),
        ("CAST(CAST('nan' AS FLOAT64) AS INT64)", "out of range"),
    ],
)
def test_what_cannot_be_cast_is_an_error(answer, expression: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint) as error:
        answer(f"SELECT {expression}")
    assert error.value.code == 400


@pytest.mark.parametrize("expression", ["BIGNUMERIC '1.5'", "CAST(1 AS BIGNUMERIC)"])
def test_bignumeric_is_refused_by_name(answer, expression: str) -> None:
    with pytest.raises(ApiError, match="does not support the type BIGNUMERIC"):
        answer(f"SELECT {expression}")
