"""Registers the functions with DuckDB."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import duckdb
from duckdb.func import FunctionNullHandling

from localcloud.bigquery.sql.functions.native import characters, decimals, printf, rounding
from localcloud.bigquery.sql.functions.native.clock import format_time, parse_time
from localcloud.bigquery.sql.functions.native.farm import fingerprint
from localcloud.bigquery.sql.functions.native.json_text import (
    json_query,
    json_query_array,
    json_value,
    json_value_array,
)
from localcloud.bigquery.sql.functions.native.matches import matches
from localcloud.bigquery.sql.functions.native.numbers import (
    divide,
    divide_whole,
    float_text,
    shift_left,
    shift_right,
)
from localcloud.bigquery.sql.functions.native.written import pretty_json, value_json, value_text

_NUMERIC = "DECIMAL(38,9)"
# flags, width and precision of FORMAT
_LAYOUT = ("VARCHAR", "BIGINT", "BIGINT")


def fail(message: str) -> int:
    """
    Raise an error that fails the query.

    :raises ValueError: always.
    """
    raise ValueError(message)


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Register the functions on a connection."""
    for name, function, parameters, result in (
        ("bq_fail", fail, ["VARCHAR"], "BIGINT"),
        ("bq_float_text", float_text, ["DOUBLE"], "VARCHAR"),
        ("bq_numeric_div", divide, [_NUMERIC, _NUMERIC], _NUMERIC),
        ("bq_numeric_idiv", divide_whole, [_NUMERIC, _NUMERIC], _NUMERIC),
        ("bq_round", rounding.round_float, ["DOUBLE", "BIGINT"], "DOUBLE"),
        ("bq_trunc", rounding.truncate_float, ["DOUBLE", "BIGINT"], "DOUBLE"),
        ("bq_numeric_round", rounding.round_numeric, [_NUMERIC, "BIGINT"], _NUMERIC),
        ("bq_numeric_trunc", rounding.truncate_numeric, [_NUMERIC, "BIGINT"], _NUMERIC),
        ("bq_numeric_half_even", rounding.round_half_even, [_NUMERIC, "BIGINT"], _NUMERIC),
        ("bq_numeric_sqrt", decimals.square_root, [_NUMERIC], _NUMERIC),
        ("bq_numeric_exp", decimals.exponential, [_NUMERIC], _NUMERIC),
        ("bq_numeric_ln", decimals.natural_logarithm, [_NUMERIC], _NUMERIC),
        ("bq_numeric_log10", decimals.common_logarithm, [_NUMERIC], _NUMERIC),
        ("bq_numeric_log", decimals.logarithm, [_NUMERIC, _NUMERIC], _NUMERIC),
        ("bq_numeric_pow", decimals.power, [_NUMERIC, _NUMERIC], _NUMERIC),
        ("bq_float_numeric", decimals.from_float, ["DOUBLE"], _NUMERIC),
        ("bq_upper", str.upper, ["VARCHAR"], "VARCHAR"),
        ("bq_lower", str.lower, ["VARCHAR"], "VARCHAR"),
        ("bq_ascii", characters.ascii_code, ["VARCHAR"], "BIGINT"),
        ("bq_left_shift", shift_left, ["BIGINT", "BIGINT"], "BIGINT"),
        ("bq_right_shift", shift_right, ["BIGINT", "BIGINT"], "BIGINT"),
        ("bq_instr", characters.instr, ["VARCHAR", "VARCHAR", "BIGINT", "BIGINT"], "BIGINT"),
        ("bq_chr", characters.character, ["BIGINT"], "VARCHAR"),
        ("bq_initcap", characters.capitalized, ["VARCHAR", "VARCHAR"], "VARCHAR"),
        ("bq_soundex", characters.sounds, ["VARCHAR"], "VARCHAR"),
        ("bq_distance", characters.distance, ["VARCHAR", "VARCHAR"], "BIGINT"),
        ("bq_normalize", characters.normalized, ["VARCHAR", "VARCHAR", "BOOLEAN"], "VARCHAR"),
        ("bq_to_base32", characters.to_base32, ["BLOB"], "VARCHAR"),
        ("bq_from_base32", characters.from_base32, ["VARCHAR"], "BLOB"),
        ("bq_parse_numeric", characters.parse_numeric, ["VARCHAR"], _NUMERIC),
        ("bq_codes", lambda value: [ord(sign) for sign in value], ["VARCHAR"], "BIGINT[]"),
        ("bq_valid", characters.with_replacements, ["BLOB"], "VARCHAR"),
        ("bq_pad", printf.pad, [*_LAYOUT, "VARCHAR"], "VARCHAR"),
        ("bq_format_integer", printf.format_integer, [*_LAYOUT, "VARCHAR", "BIGINT"], "VARCHAR"),
        ("bq_format_float", printf.format_float, [*_LAYOUT, "VARCHAR", "DOUBLE"], "VARCHAR"),
        ("bq_format_numeric", printf.format_numeric, [*_LAYOUT, "VARCHAR", _NUMERIC], "VARCHAR"),
        ("bq_pretty_json", pretty_json, ["VARCHAR", "BOOLEAN"], "VARCHAR"),
        ("bq_reverse", lambda value: value[::-1], ["VARCHAR"], "VARCHAR"),
        ("bq_latin", lambda value: value.decode("latin-1"), ["BLOB"], "VARCHAR"),
        ("bq_bytes", lambda value: value.encode("latin-1"), ["VARCHAR"], "BLOB"),
        ("bq_strftime", format_time, ["TIMESTAMP", "VARCHAR", "VARCHAR"], "VARCHAR"),
        ("bq_strptime", parse_time, ["VARCHAR", "VARCHAR", "VARCHAR"], "TIMESTAMP"),
        ("bq_farm_fingerprint", fingerprint, ["BLOB"], "BIGINT"),
        ("bq_md5", lambda value: hashlib.md5(value, usedforsecurity=False).digest(), ["BLOB"], "BLOB"),
        (
            "bq_md5_text",
            lambda value: hashlib.md5(value, usedforsecurity=False).hexdigest(),
            ["BLOB"],
            "VARCHAR",
        ),
        ("bq_sha1", lambda value: hashlib.sha1(value, usedforsecurity=False).digest(), ["BLOB"], "BLOB"),
        ("bq_sha256", lambda value: hashlib.sha256(value).digest(), ["BLOB"], "BLOB"),
        ("bq_sha512", lambda value: hashlib.sha512(value).digest(), ["BLOB"], "BLOB"),
    ):
        connection.create_function(name, function, [*parameters], result)
    for name, read, parameters, result in (
        ("bq_json_value", json_value, ["VARCHAR", "VARCHAR"], "VARCHAR"),
        ("bq_json_query", json_query, ["VARCHAR", "VARCHAR"], "VARCHAR"),
        ("bq_json_query_array", json_query_array, ["VARCHAR", "VARCHAR"], "VARCHAR[]"),
        ("bq_json_value_array", json_value_array, ["VARCHAR", "VARCHAR"], "VARCHAR[]"),
        ("bq_from_codes", _of_list(characters.from_codes), ["BIGINT[]"], "VARCHAR"),
        ("bq_bytes_from_codes", _of_list(characters.bytes_from_codes), ["BIGINT[]"], "BLOB"),
        ("bq_matches", matches, ["VARCHAR", "VARCHAR", "BIGINT"], "VARCHAR[]"),
        ("bq_value_text", value_text, ["VARCHAR", "VARCHAR", "VARCHAR"], "VARCHAR"),
        ("bq_value_json", value_json, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    ):
        # they may take or give NULL
        connection.create_function(
            name, read, [*parameters], result, null_handling=FunctionNullHandling.SPECIAL
        )


def _of_list(read: Callable[[list[Any]], Any]) -> Callable[[list[Any] | None], Any]:
    return lambda values: None if values is None else read(values)
