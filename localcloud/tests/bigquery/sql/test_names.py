"""Names of types and functions: those of BigQuery, and of no other database."""

from __future__ import annotations

import pytest

from localcloud.bigquery.sql.syntax.names import TYPES
from localcloud.bigquery.sql.syntax.parse import parse
from localcloud.errors import ApiError

# https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types
ALIASES = {
    **dict.fromkeys(("INT", "SMALLINT", "INTEGER", "BIGINT", "TINYINT", "BYTEINT"), "INT64"),
    "DECIMAL": "NUMERIC",
    "BOOLEAN": "BOOL",
}
FOREIGN = (
    *("INT8", "INT16", "INT32", "UINT8", "UINT64", "INT128", "HUGEINT", "MEDIUMINT", "LONG", "BYTE"),
    *("FLOAT", "FLOAT4", "FLOAT8", "FLOAT32", "DOUBLE", "REAL", "DEC", "NUMBER", "DECIMAL128"),
    *("TEXT", "VARCHAR", "CHAR", "NVARCHAR", "CLOB", "BLOB", "BINARY", "VARBINARY", "BYTEA"),
    *("UUID", "BIT", "TIMESTAMPTZ", "TIMESTAMP_NTZ", "TIMETZ", "RECORD", "MAP", "LIST", "VARIANT", "JSONB"),
)


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize(
    "query",
    [
        "SELECT CAST(1 AS {})",
        "SELECT SAFE_CAST(1 AS {})",
        "SELECT CAST(NULL AS ARRAY<{}>)",
        "SELECT CAST(NULL AS STRUCT<a INT64, b {}>)",
        "CREATE TABLE d.t (a INT64, b {})",
        "CREATE TABLE d.t (a ARRAY<STRUCT<b {}>>)",
    ],
)
def test_a_type_of_another_database_is_not_found(query: str, name: str) -> None:
    with pytest.raises(ApiError, match=rf"^Type not found: {name} at \[1:\d+\]$") as error:
        parse(query.format(name), [], None)
    assert error.value.code == 400


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_an_alias_is_the_type_itself(answer, alias: str, name: str) -> None:
    assert TYPES[alias] == TYPES[name]
    query = "SELECT CAST('1' AS {0}), SAFE_CAST('x' AS {0}), ARRAY<{0}>[], STRUCT<{0}>(NULL)"
    if name != "BOOL":
        assert answer(query.format(alias.lower())) == answer(query.format(name)) == [("1", None, [], (None,))]


@pytest.mark.parametrize("kind", ["SMALLINT", "TINYINT", "BYTEINT"])
def test_a_small_integer_is_an_int64(answer, kind: str) -> None:
    assert answer(f"SELECT CAST(9223372036854775807 AS {kind})") == ["9223372036854775807"]


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("SELECT INT64 '5'", r"Unexpected string literal at \[1:8\]"),
        ("SELECT STRING 'a'", "Unexpected string literal"),
        ("SELECT CAST('2020-01-01' AS TIMESTAMP WITH TIME ZONE)", "Type not found: TIMESTAMP WITH TIME ZONE"),
        ("SELECT CAST(1 AS INT64 DEFAULT 5 ON CONVERSION ERROR)", "Syntax error"),
        ("SELECT CAST(1, 'a')", "Expected keyword AS"),
    ],
)
def test_a_type_stands_where_and_as_bigquery_has_it(answer, query: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint) as error:
        answer(query)
    assert error.value.code == 400


def test_a_column_may_have_the_name_of_a_foreign_type(answer) -> None:
    assert answer("SELECT uuid, text, real FROM (SELECT 1 AS uuid, 2 AS text, 3 AS real)") == [
        ("1", "2", "3")
    ]


@pytest.mark.parametrize(
    "call",
    [
        *("NVL(1, 2)", "LEN('a')", "IIF(TRUE, 1, 2)", "LCASE('A')", "DATEDIFF('2020-01-01', '2020-01-02')"),
        *("TRY_CAST('1' AS INT64)", "CONVERT(1, STRING)", "RANDOM()", "UUID()", "ARG_MAX(1, 2)"),
        *("BOOL_AND(TRUE)", "COUNT_IF(TRUE)", "GROUP_CONCAT('a')", "CHARINDEX('a', 'b')", "HEX(b'a')"),
        *(
            "NET.HOST('a')",
            "CHAR(65)",
            "LOG2(2)",
            "ARRAY_SIZE([1])",
            "REGEXP_LIKE('a', 'a')",
            "TRUNCATE(1.5)",
        ),
    ],
)
def test_a_function_of_another_database_is_refused(answer, call: str) -> None:
    with pytest.raises(ApiError) as error:
        answer(f"SELECT {call}")
    name = call.partition("(")[0]
    assert error.value.code in (400, 501)
    assert name in error.value.message or "Syntax error" in error.value.message
