"""JSON in strings: https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions."""

from __future__ import annotations

import pytest

from localcloud.errors import ApiError

TEXT = """'{"a": {"b": "x"}, "n": 1.50, "big": 12345678901234567890, "none": null,
    "l": [1, "two", {"c": true}],
    "a.b": {"c": "dotted"}, "same": 1, "same": 2, "text": "é\\\\n\\\\u00e9"}'"""


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("JSON_VALUE({0}, '$.a.b')", "x"),
        ("JSON_VALUE({0}, '$.a')", None),
        ("JSON_VALUE({0}, '$.none')", None),
        ("JSON_VALUE({0}, '$.nosuch')", None),
        ("JSON_VALUE({0}, '$.A')", None),
        # numbers keep their digits
        ("JSON_VALUE({0}, '$.n')", "1.50"),
        ("JSON_VALUE({0}, '$.big')", "12345678901234567890"),
        ("JSON_VALUE({0}, '$.l[1]')", "two"),
        ("JSON_VALUE({0}, '$.l[2].c')", "true"),
        ("JSON_VALUE({0}, '$.l[9]')", None),
        ("JSON_VALUE({0}, '$.same')", "1"),
        ("JSON_VALUE({0}, '$.text')", "é\né"),
        ("JSON_VALUE('\"x\"')", "x"),
        ("JSON_VALUE('no json', '$.a')", None),
        ("JSON_VALUE(NULL, '$.a')", None),
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#JSONPath_format
        ("JSON_VALUE({0}, '$.\"a.b\".c')", "dotted"),
        ("JSON_EXTRACT_SCALAR({0}, \"$['a.b'].c\")", "dotted"),
        # zetasql/compliance/functions_testlib_json.cc of https://github.com/google/zetasql
        ('JSON_VALUE(\'{"": [5, "foo"]}\', \'$.""[1]\')', "foo"),
        ('JSON_EXTRACT_SCALAR(\'{"": [5, "foo"]}\', "$[\'\'][1]")', "foo"),
        ("JSON_QUERY('{\"x\": [1, 2]}', '$.x.\"1\"')", "2"),
        ("JSON_EXTRACT('{\"x\": [1, 2]}', \"$.x['1']\")", "2"),
        ("JSON_QUERY('{\"x\": [1, 2]}', '$.x[ 1]')", "2"),
        ("JSON_QUERY('{\"x\": [1, 2]}', '$.x[-1]')", None),
        ("JSON_QUERY('{\"x\": [1, 2]}', '$.x.\"a\"')", None),
        ("JSON_VALUE('{\"1\": 2}', '$.1')", "2"),
        ("JSON_QUERY({0}, '$.a')", '{"b":"x"}'),
        ("JSON_QUERY({0}, '$.a.b')", '"x"'),
        ("JSON_QUERY({0}, '$.n')", "1.50"),
        ("JSON_QUERY({0}, '$.none')", None),
        ("JSON_EXTRACT({0}, '$.l')", '[1,"two",{"c":true}]'),
        ("JSON_EXTRACT_ARRAY('[1, \"a\"]')", ["1", '"a"']),
        ("JSON_QUERY_ARRAY('{\"a\": []}', '$.a')", []),
        ("ARRAY_LENGTH(JSON_QUERY_ARRAY('{\"a\": 1}', '$.a'))", None),
        ("JSON_VALUE_ARRAY('[\"a\", 2]')", ["a", "2"]),
        ("JSON_EXTRACT_STRING_ARRAY('{\"a\": [\"x\"]}', '$.a')", ["x"]),
    ],
)
def test_a_path_leads_to_a_value(answer, call: str, value: object) -> None:
    assert answer(f"SELECT {call.replace('{0}', TEXT)}") == [value]


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("JSON_VALUE('{}', 'a')", "JSONPath must start with"),
        ("JSON_VALUE('{}', '$.*')", "does not support the JSONPath of JSON_VALUE"),
        ("JSON_VALUE('{}', \"$['a.b']\")", r"Invalid token in JSONPath at: \['a\.b'\]"),
        ("JSON_QUERY_ARRAY('{}', \"$.x['a']\")", r"Invalid token in JSONPath at: \['a'\]"),
        ("JSON_EXTRACT('{}', '$.\"a.b\"')", 'Invalid token in JSONPath at: ."a.b"'),
        ("JSON_VALUE('{}', '$..a')", "does not support the JSONPath of JSON_VALUE .*[$][.][.]a"),
        ("JSON_QUERY('[]', '$[0, 1]')", "does not support the JSONPath of JSON_QUERY"),
        ("JSON_QUERY('[]', '$[?(@.a)]')", "does not support the JSONPath of JSON_QUERY"),
        ("JSON_VALUE('{}', CONCAT('$', '.a'))", "does not support the JSONPath of JSON_VALUE"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(answer, call: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        answer(f"SELECT {call}")
