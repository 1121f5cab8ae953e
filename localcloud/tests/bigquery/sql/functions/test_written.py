"""FORMAT, TO_JSON_STRING and PARSE_NUMERIC: values as strings, and back."""

from __future__ import annotations

import pytest

from localcloud.errors import ApiError


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#format_string and
        # https://github.com/google/zetasql/blob/master/zetasql/public/functions/string_format.cc
        ("'hello 100%%'", "hello 100%"),
        ("'%s-%d', 'a', 1", "a-1"),
        ("'%05d|%-5d|%+d|% d|%5d', 42, 42, 10, 42, -7", "00042|42   |+10| 42|   -7"),
        ("\"%'d|%'x|%.3d\", 1234567, 305419896, 7", "1,234,567|1234:5678|007"),
        ("'%i %o %#o %x %#X', -3, 8, 8, -255, 255", "-3 10 010 -ff 0XFF"),
        ("'%f|%.2f|%8.3f|%010.2f', 1.5, 1.005, 3.14159, -3.14159", "1.500000|1.00|   3.142|-000003.14"),
        ("'%e|%E|%g|%G', 12345.678, 2.2, 0.0001, 1e-10", "1.234568e+04|2.200000E+00|0.0001|1E-10"),
        (
            "'%f|%F|%05f|%f', CAST('nan' AS FLOAT64), CAST('inf' AS FLOAT64), CAST('-inf' AS FLOAT64), -0.0",
            "nan|INF| -inf|0.000000",
        ),
        (
            "\"%.3f|%e|%'.1f\", NUMERIC '2.0005', NUMERIC '-15', NUMERIC '1234567.25'",
            "2.001|-1.500000e+01|1,234,567.3",
        ),
        ("'%*d|%.*f|%5s|%-5s|%.2s', 5, 42, 2, 3.14159, 'ab', 'ab', 'äöü'", "   42|3.14|   ab|ab   |äö"),
        ("'%d', NULL", None),
        ("'%s', CAST(NULL AS STRING)", None),
        # ...#t_and_t_behavior
        ("'%t %T', NULL, NULL", "NULL NULL"),
        ("'%t %T %10t|', 5, 5, 5", "5 5          5|"),
        ("'%t %T', 1.0, 1e20", "1.0 1e+20"),
        ("'%t %T', CAST('nan' AS FLOAT64), CAST('inf' AS FLOAT64)", 'nan CAST("inf" AS FLOAT64)'),
        ("'%t %T', NUMERIC '1.50', NUMERIC '1.50'", '1.5 NUMERIC "1.5"'),
        ("'%t %T', TRUE, FALSE", "true false"),
        ("'%t %T %T', 'a', \"it's\", 'a\"b'", "a \"it's\" 'a\"b'"),
        (r"'%T', 'a\n\\'", r'"a\n\\"'),
        (r"'%t %T', b'a\xff', b'a\xff'", r'a\xff b"a\xff"'),
        ("'%t %T', DATE '2020-01-02', DATE '2020-01-02'", '2020-01-02 DATE "2020-01-02"'),
        ("'%T', TIMESTAMP '2020-01-02 03:04:05.5+00'", 'TIMESTAMP "2020-01-02 03:04:05.500+00"'),
        ("'%t %T', DATETIME '2020-01-02 03:04:05', TIME '03:04:05'", '2020-01-02 03:04:05 TIME "03:04:05"'),
        ("'%t %T', [1, 2], ['a', NULL]", '[1, 2] ["a", NULL]'),
        ("'%t %T %T', STRUCT(1, 'a'), STRUCT(1 AS x, 'a' AS y), STRUCT(1.5)", '(1, a) (1, "a") STRUCT(1.5)'),
    ],
)
def test_format_writes_its_arguments(answer, arguments: str, written: str | None) -> None:
    assert answer(f"SELECT FORMAT({arguments})") == [written]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("'%d', 'a'", "Invalid type for argument 2 to FORMAT; Expected INT64; Got STRING"),
        ("'%s', 1", "Expected STRING; Got INT64"),
        ("'%f', 1", "Expected FLOAT64; Got INT64"),
        ("'%d'", "Too few arguments to FORMAT"),
        ("'%d', 1, 2", "Too many arguments to FORMAT"),
        ("'%y', 1", 'Invalid format specifier character "y"'),
        ("'50%'", "Invalid FORMAT string"),
    ],
)
def test_format_refuses_what_does_not_fit(answer, arguments: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        answer(f"SELECT FORMAT({arguments})")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#json_encodings
        ("NULL", "null"),
        ("TRUE", "true"),
        ("9007199254740992", "9007199254740992"),
        ("9007199254740993", '"9007199254740993"'),
        ("1.0", "1"),
        ("0.1", "0.1"),
        ("CAST('-inf' AS FLOAT64)", '"-Infinity"'),
        ("CAST('nan' AS FLOAT64)", '"NaN"'),
        ("NUMERIC '15'", "15"),
        ("NUMERIC '1.5'", '"1.5"'),
        ("'a\"é'", '"a\\"é"'),
        ("b'abc'", '"YWJj"'),
        ("DATE '2020-01-02'", '"2020-01-02"'),
        ("TIMESTAMP '2020-01-02 03:04:05.25+00'", '"2020-01-02T03:04:05.250Z"'),
        ("DATETIME '2020-01-02 03:04:05'", '"2020-01-02T03:04:05"'),
        ("TIME '03:04:05'", '"03:04:05"'),
        ("[1, NULL]", "[1,null]"),
        ("CAST([] AS ARRAY<INT64>)", "[]"),
        ("STRUCT(1 AS a, ['x'] AS b, STRUCT(NULL AS d) AS c)", '{"a":1,"b":["x"],"c":{"d":null}}'),
        ("STRUCT(1 AS a, [1, 2] AS b), TRUE", '{\n  "a": 1,\n  "b": [\n    1,\n    2\n  ]\n}'),
        ("STRUCT(1 AS a), FALSE", '{"a":1}'),
    ],
)
def test_a_value_is_written_as_json(answer, value: str, written: str) -> None:
    assert answer(f"SELECT TO_JSON_STRING({value})") == [written]


def test_a_row_is_written_as_json(answer) -> None:
    rows = "(SELECT 1 AS id, [10, 20] AS c UNION ALL SELECT 2, [])"
    assert answer(f"SELECT TO_JSON_STRING(t) FROM {rows} AS t ORDER BY id") == [
        '{"id":1,"c":[10,20]}',
        '{"id":2,"c":[]}',
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#parse_numeric
        ("123.45", "123.45"),
        ("  -  12.34 ", "-12.34"),
        ("12.34-", "-12.34"),
        ("12.34e-1", "1.234"),
        ("1,2,3.45", "123.45"),
        (".5", "0.5"),
        ("1.0123456785", "1.012345679"),
    ],
)
def test_a_numeric_is_parsed(answer, text: str, value: str) -> None:
    assert answer(f"SELECT PARSE_NUMERIC('{text}')") == [value]


@pytest.mark.parametrize("text", ["", "$12", "1 2", "-5-", "12.34.56", "12.3,4", "1e40", "nan"])
def test_what_is_no_numeric_is_refused(answer, text: str) -> None:
    with pytest.raises(ApiError, match="Invalid input to PARSE_NUMERIC"):
        answer(f"SELECT PARSE_NUMERIC('{text}')")
