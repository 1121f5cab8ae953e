"""DATE, TIME, DATETIME, TIMESTAMP: https://cloud.google.com/bigquery/docs/reference/standard-sql/date_functions."""

from __future__ import annotations

import pytest

from localcloud.errors import ApiError


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("FORMAT_DATE('%e', DATE '2024-05-08')", " 8"),
        ("PARSE_DATETIME('%c', 'Thu Dec 25 07:30:00 2008')", "2008-12-25T07:30:00"),
        ("TIME_TRUNC(TIME '15:30:00', HOUR)", "15:00:00"),
        ("CAST('9999-12-31' AS DATE)", "9999-12-31"),
        # whole units: 45 minutes across midnight are not an hour
        ("TIMESTAMP_DIFF(TIMESTAMP '2024-01-02 00:15:00', TIMESTAMP '2024-01-01 23:30:00', HOUR)", "0"),
        ("TIMESTAMP_DIFF(TIMESTAMP '2024-01-01 23:30:00', TIMESTAMP '2024-01-02 00:15:00', HOUR)", "0"),
        ("TIMESTAMP_DIFF(TIMESTAMP '2024-01-01 23:30:00', TIMESTAMP '2024-01-02 00:15:00', MINUTE)", "-45"),
        ("TIMESTAMP_DIFF(TIMESTAMP '2024-01-03 00:00:00', TIMESTAMP '2024-01-01 12:00:00', DAY)", "1"),
        # boundaries
        ("DATETIME_DIFF(DATETIME '2024-01-02 00:15:00', DATETIME '2024-01-01 23:30:00', HOUR)", "1"),
        ("DATETIME_DIFF(DATETIME '2001-02-02 01:00:00', DATETIME '2001-02-01 00:59:59', HOUR)", "25"),
        ("DATETIME_DIFF(DATETIME '2001-02-01 00:59:59', DATETIME '2001-02-01 00:00:00', HOUR)", "0"),
        ("DATETIME_DIFF(DATETIME '2017-10-15 00:00:00', DATETIME '2017-10-14 00:00:00', WEEK)", "1"),
        ("DATETIME_DIFF(DATETIME '2018-01-01', DATETIME '2017-12-31 23:59:59', YEAR)", "1"),
        ("TIME_DIFF(TIME '15:30:00', TIME '14:35:00', MINUTE)", "55"),
        ("TIME_DIFF(TIME '15:30:00', TIME '14:35:00', HOUR)", "1"),
        ("DATE_DIFF(DATE '2010-07-07', DATE '2008-12-25', DAY)", "559"),
        ("DATE_DIFF(DATE '2017-10-15', DATE '2017-10-14', WEEK)", "1"),
        ("DATE_DIFF('2017-12-18', '2017-12-17', WEEK)", "0"),
        ("DATE_DIFF('2017-12-18', '2017-12-17', WEEK(MONDAY))", "1"),
        ("DATE_DIFF('2017-12-18', '2017-12-17', ISOWEEK)", "1"),
        ("DATE_DIFF('2017-12-30', '2014-12-30', YEAR)", "3"),
        ("DATE_DIFF('2017-12-30', '2014-12-30', ISOYEAR)", "2"),
        ("DATE_DIFF(DATE '2024-02-01', DATE '2024-01-31', MONTH)", "1"),
        # sums
        ("DATE_ADD(DATE '2024-01-31', INTERVAL 1 MONTH)", "2024-02-29"),
        ("DATE_SUB(DATE '2024-03-31', INTERVAL 1 QUARTER)", "2023-12-31"),
        ("DATE_ADD('2024-01-01', INTERVAL 2 WEEK)", "2024-01-15"),
        ("DATE_ADD(DATE '2024-02-29', INTERVAL -1 YEAR)", "2023-02-28"),
        ("DATE '2024-01-01' + 3", "2024-01-04"),
        ("DATE '2024-01-01' - 3", "2023-12-29"),
        ("DATE '2024-01-01' + INTERVAL 1 DAY", "2024-01-02T00:00:00"),
        ("TIMESTAMP_ADD(TIMESTAMP '1970-01-01', INTERVAL 90 MINUTE)", "5400000000"),
        ("TIMESTAMP_SUB('1970-01-02', INTERVAL 1 DAY)", "0"),
        ("DATETIME_ADD(DATETIME '2024-01-31 10:00:00', INTERVAL 1 MONTH)", "2024-02-29T10:00:00"),
        ("TIME_ADD(TIME '23:30:00', INTERVAL 1 HOUR)", "00:30:00"),
        ("TIME_SUB(TIME '00:30:00', INTERVAL 1 HOUR)", "23:30:00"),
        # the start of a unit
        ("DATE_TRUNC(DATE '2024-05-08', WEEK)", "2024-05-05"),
        ("DATE_TRUNC(DATE '2024-05-08', WEEK(MONDAY))", "2024-05-06"),
        ("DATE_TRUNC(DATE '2024-05-08', WEEK(WEDNESDAY))", "2024-05-08"),
        ("DATE_TRUNC(DATE '2024-05-07', WEEK(WEDNESDAY))", "2024-05-01"),
        ("DATE_TRUNC(DATE '2024-05-08', ISOWEEK)", "2024-05-06"),
        ("DATE_TRUNC(DATE '2015-06-15', ISOYEAR)", "2014-12-29"),
        ("DATE_TRUNC(DATE '2024-05-08', QUARTER)", "2024-04-01"),
        ("DATETIME_TRUNC(DATETIME '2024-05-08 10:11:12', HOUR)", "2024-05-08T10:00:00"),
        ("TIMESTAMP_TRUNC(TIMESTAMP '1970-01-01 10:11:12', HOUR)", "36000000000"),
        ("TIMESTAMP_TRUNC(TIMESTAMP '1970-01-02 01:00:00', DAY, 'America/New_York')", "18000000000"),
        ("LAST_DAY(DATE '2024-02-10')", "2024-02-29"),
        ("LAST_DAY(DATE '2024-02-10', YEAR)", "2024-12-31"),
        ("LAST_DAY(DATE '2024-05-08', WEEK)", "2024-05-11"),
    ],
)
def test_arithmetic_of_times(answer, expression: str, value: str) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("EXTRACT(WEEK FROM DATE '2024-01-06')", "0"),
        ("EXTRACT(WEEK FROM DATE '2024-01-07')", "1"),
        ("EXTRACT(WEEK(MONDAY) FROM DATE '2024-01-01')", "1"),
        ("EXTRACT(ISOWEEK FROM DATE '2024-12-30')", "1"),
        ("EXTRACT(ISOYEAR FROM DATE '2024-12-30')", "2025"),
        ("EXTRACT(DAYOFWEEK FROM DATE '2024-05-05')", "1"),
        ("EXTRACT(DAYOFYEAR FROM DATE '2024-02-01')", "32"),
        ("EXTRACT(QUARTER FROM DATE '2024-05-08')", "2"),
        ("EXTRACT(MILLISECOND FROM TIMESTAMP '2024-05-08 01:11:12.345')", "345"),
        ("EXTRACT(HOUR FROM TIME '10:00:00')", "10"),
        ("EXTRACT(DATETIME FROM TIMESTAMP '2024-05-08 01:11:12')", "2024-05-08T01:11:12"),
        ("EXTRACT(DATE FROM TIMESTAMP '2024-05-08 01:11:12')", "2024-05-08"),
        ("EXTRACT(HOUR FROM TIMESTAMP '2024-05-08 01:11:12' AT TIME ZONE 'America/New_York')", "21"),
        ("FORMAT_DATE('%Y-%m-%d %A %j %Q %b %e', DATE '2024-05-08')", "2024-05-08 Wednesday 129 2 May  8"),
        (
            "FORMAT_TIMESTAMP('%FT%H:%M:%E3S%Ez', TIMESTAMP '2024-05-08 01:02:03.5')",
            "2024-05-08T01:02:03.500+00:00",
        ),
        ("FORMAT_TIMESTAMP('%H', TIMESTAMP '2024-05-08 01:02:03', 'America/New_York')", "21"),
        ("FORMAT_DATETIME('%T %E*S', DATETIME '2024-05-08 01:02:03.5')", "01:02:03 03.5"),
        ("FORMAT_TIME('%R', TIME '10:11:12')", "10:11"),
        ("PARSE_DATE('%Y%m%d', '20240508')", "2024-05-08"),
        ("PARSE_DATE('%m/%d/%y', '05/08/24')", "2024-05-08"),
        ("PARSE_DATETIME('%F %T', '2024-05-08 10:00:00')", "2024-05-08T10:00:00"),
        ("PARSE_TIME('%H:%M', '10:11')", "10:11:00"),
        ("PARSE_TIMESTAMP('%Y-%m-%d %H:%M', '1970-01-01 01:00')", "3600000000"),
        ("PARSE_TIMESTAMP('%Y-%m-%d %H:%M', '1970-01-01 01:00', 'America/New_York')", "21600000000"),
        ("PARSE_TIMESTAMP('%FT%T%Ez', '1970-01-01T02:00:00+02:00')", "0"),
        ("SAFE.PARSE_DATE('%Y%m%d', 'x')", None),
        ("TIMESTAMP('1970-01-01', 'America/New_York')", "18000000000"),
        ("TIMESTAMP(DATETIME '1970-01-01 01:00:00')", "3600000000"),
        ("DATE(TIMESTAMP '2024-01-01 01:00:00', 'America/New_York')", "2023-12-31"),
        ("DATE(2024, 1, 2)", "2024-01-02"),
        ("DATETIME(2024, 1, 2, 3, 4, 5)", "2024-01-02T03:04:05"),
        ("DATETIME(TIMESTAMP '2024-01-01 01:00:00', 'America/New_York')", "2023-12-31T20:00:00"),
        ("DATETIME(DATE '2024-01-01', TIME '10:00:00')", "2024-01-01T10:00:00"),
        ("TIME(10, 11, 12)", "10:11:12"),
        ("STRING(TIMESTAMP '2024-01-01')", "2024-01-01 00:00:00+00"),
        ("UNIX_SECONDS(TIMESTAMP '1969-12-31 23:59:59.5')", "-1"),
        ("UNIX_MILLIS(TIMESTAMP '1970-01-01 00:00:01.5')", "1500"),
        ("UNIX_DATE(DATE '1970-01-03')", "2"),
        ("DATE_FROM_UNIX_DATE(3)", "1970-01-04"),
        ("TIMESTAMP_MILLIS(1)", "1000"),
        ("CURRENT_DATE() = CURRENT_DATE('UTC')", "true"),
    ],
)
def test_parts_and_texts_of_times(answer, expression: str, value: str | None) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#date_type
        ("DATE_ADD(DATE '9999-12-31', INTERVAL 1 DAY)", "Out of the range 0001-01-01 to 9999-12-31"),
        ("DATE '0001-01-01' - 1", "Out of the range"),
        ("CAST('0000-01-01' AS DATE)", "Out of the range"),
        ("TIMESTAMP_SECONDS(999999999999)", "Out of the range"),
        ("TIME(24, 0, 0)", "Invalid hour: 24"),
        ("DATETIME(2024, 1, 1, 24, 0, 0)", "Invalid hour: 24"),
        ("TIME '24:00:00'", "Invalid time string"),
        ("CAST('2024-01-01 24:00:00' AS DATETIME)", "Invalid datetime string"),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2024-01-01', DAY, 'Nowhere/Land')", "Invalid time zone: Nowhere/Land"),
        ("TIME_TRUNC(TIME '15:30:00', DAY)", "does not support the DAY date part"),
        (
            "TIMESTAMP_ADD(TIMESTAMP '2024-01-01', INTERVAL 1 MONTH)",
            "TIMESTAMP_ADD does not support the MONTH",
        ),
        ("DATE_ADD(DATE '2024-01-01', INTERVAL 1 HOUR)", "DATE_ADD does not support the HOUR date part"),
        ("DATE_TRUNC(DATE '2024-01-01', HOUR)", "DATE_TRUNC does not support the HOUR date part"),
        (
            "TIMESTAMP_DIFF(TIMESTAMP '2024-01-01', TIMESTAMP '2024-01-01', MONTH)",
            "TIMESTAMP_DIFF does not support",
        ),
        ("EXTRACT(HOUR FROM DATE '2024-01-01')", "EXTRACT from DATE does not support the HOUR date part"),
        ("PARSE_DATE('%Y%m%d', 'x')", 'Failed to parse input string "x"'),
        ("DATE '2024-01-02' - DATE '2024-01-01'", "the type INTERVAL"),
    ],
)
def test_what_no_time_has_is_an_error(answer, expression: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        answer(f"SELECT {expression}")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # .../standard-sql/format-elements#format_elements_date_time
        ("FORMAT_DATE('%J %Q %e|%E4Y', DATE '2015-07-08')", "192 3  8|2015"),
        ("FORMAT_DATE('%J', DATE '2021-01-01')", "369"),
        ("FORMAT_TIME('%H:%M:%E3S %%', TIME '01:02:03.456789')", "01:02:03.456 %"),
        ("PARSE_TIMESTAMP('%F %H:%M:%E3S', '2020-01-01 10:00:00.123')", "1577872800123000"),
        ("PARSE_TIMESTAMP('%F %H:%M:%E*S', '2020-01-01 10:00:00')", "1577872800000000"),
        ("PARSE_DATE('%Y %j', '2020 366')", "2020-12-31"),
        ("LAST_DAY(DATE '2020-12-30', ISOYEAR)", "2021-01-03"),
    ],
)
def test_an_element_of_a_pattern(answer, expression: str, value: str) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("FORMAT_DATE('%H', DATE '2020-01-01')", "FORMAT_DATE with %H"),
        ("FORMAT_TIME('%Y', TIME '10:00:00')", "FORMAT_TIME with %Y"),
        ("FORMAT_DATE('%Y', DATE '0999-01-01')", "FORMAT_DATE with %Y"),
        ("FORMAT_TIMESTAMP('%f', TIMESTAMP '2020-01-01')", "FORMAT_TIMESTAMP with %f"),
        ("FORMAT_TIMESTAMP('%F', TIMESTAMP '2020-01-01', '+05:30')", r"the time zone \+05:30"),
        ("PARSE_DATE('%F %H', '2020-01-01 10')", "Invalid format: %H is not allowed for the DATE type"),
        ("PARSE_TIME('%F', '2020-01-01')", "is not allowed for the TIME type"),
        ("PARSE_DATE('%U %Y', '10 2020')", "PARSE_DATE with %U"),
        ("PARSE_DATE('%Y %j', '2019 366')", "Failed to parse input string"),
        ("PARSE_DATE('%j', '10')", "%j without a year"),
        ("LAST_DAY(DATE '9999-12-31', WEEK)", "Out of the range"),
    ],
)
def test_what_a_pattern_does_not_take(answer, expression: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        answer(f"SELECT {expression}")
