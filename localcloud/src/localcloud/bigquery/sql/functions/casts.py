"""CAST and SAFE_CAST."""

from __future__ import annotations

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.functions.nodes import Translation, call, cast
from localcloud.bigquery.sql.functions.types import FLOATS, INTEGERS, NUMBERS, TEXTS, UNKNOWN, Types

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#cast
MACROS = r"""
CREATE TEMP MACRO bq_int(x) AS CASE WHEN x IS NULL THEN NULL
    WHEN regexp_full_match(x, '\s*[+-]?(\d+|0[xX][0-9a-fA-F]+)\s*') THEN
    CASE WHEN regexp_matches(x, '-0[xX]0*8000000000000000\s*$') THEN -9223372036854775808
    WHEN regexp_matches(x, '-0[xX]') THEN -CAST(trim(replace(x, '-', '')) AS BIGINT)
    ELSE CAST(replace(x, '+', '') AS BIGINT) END
    ELSE bq_fail('Bad int64 value: ' || x) END;
CREATE TEMP MACRO bq_float(x) AS CASE WHEN x IS NULL THEN NULL
    WHEN try_cast(x AS DOUBLE) IS NULL OR contains(x, '_') THEN bq_fail('Bad double value: ' || x)
    ELSE try_cast(x AS DOUBLE) END;
CREATE TEMP MACRO bq_bool(x) AS CASE WHEN x IS NULL THEN NULL WHEN lower(x) = 'true' THEN TRUE
    WHEN lower(x) = 'false' THEN FALSE ELSE bq_fail('Bad bool value: ' || x) = 0 END;
CREATE TEMP MACRO bq_numeric(x) AS CASE WHEN x IS NULL THEN NULL
    WHEN try_cast(x AS DECIMAL(38, 9)) IS NULL OR contains(x, '_')
    THEN bq_fail('Invalid NUMERIC value: ' || x)
    ELSE try_cast(x AS DECIMAL(38, 9)) END;
CREATE TEMP MACRO bq_checked(x, kind, pattern) AS CASE WHEN x IS NULL OR regexp_full_match(x, pattern) THEN x
    ELSE CAST(bq_fail('Invalid ' || kind || ': ''' || x || '''') AS VARCHAR) END;
CREATE TEMP MACRO bq_range(x) AS CASE WHEN year(x) BETWEEN 1 AND 9999 OR x IS NULL THEN x
    WHEN bq_fail('Out of the range 0001-01-01 to 9999-12-31: ' || CAST(x AS VARCHAR)) = 0 THEN x END;
CREATE TEMP MACRO bq_date(x) AS bq_range(CAST(
    bq_checked(x, 'date', '\s*\d{1,4}-\d{1,2}-\d{1,2}\s*') AS DATE));
CREATE TEMP MACRO bq_time(x) AS
    CAST(bq_checked(x, 'time string', '\s*([01]?\d|2[0-3]):\d{1,2}:\d{1,2}(\.\d{0,6})?\s*') AS TIME);
CREATE TEMP MACRO bq_datetime(x) AS bq_range(CAST(bq_checked(x, 'datetime string',
    '\s*\d{1,4}-\d{1,2}-\d{1,2}([ tT]([01]?\d|2[0-3]):\d{1,2}:\d{1,2}(\.\d{0,6})?)?\s*') AS TIMESTAMP));
CREATE TEMP MACRO bq_zoned(x) AS regexp_replace(regexp_replace(x,
    '^(\s*\d+-\d+-\d+) ?([zZ]|[+-]\d.*)\s*$', '\1 00:00:00\2'),
    '^(\s*\d+-\d+-\d+) ([A-Za-z_/]{2,})\s*$', '\1 00:00:00 \2');
CREATE TEMP MACRO bq_timestamp(x) AS bq_range(CAST(bq_zoned(bq_checked(x, 'timestamp',
    '\s*\d{1,4}-\d{1,2}-\d{1,2}([ tT]([01]?\d|2[0-3]):\d{1,2}:\d{1,2}(\.\d{0,6})?)?' ||
    '( ?([zZ]|[+-]\d{1,2}(:\d{2})?|[A-Za-z_/]+))?\s*')) AS TIMESTAMPTZ));
CREATE TEMP MACRO bq_time_text(x) AS regexp_replace(regexp_replace(regexp_replace(CAST(x AS VARCHAR),
    '(\.\d)(\+\d\d)?$', '\100\2'), '(\.\d\d)(\+\d\d)?$', '\10\2'),
    '(\.\d{3}\d{1,2})(\+\d\d)?$', rpad(regexp_extract(CAST(x AS VARCHAR), '\.\d+'), 7, '0') || '\2');
CREATE TEMP MACRO bq_decimal_text(x) AS
    regexp_replace(regexp_replace(CAST(x AS VARCHAR), '(\.\d*?)0+$', '\1'), '\.$', '');
CREATE TEMP MACRO bq_text(x) AS CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT')
    THEN bq_float_text(try_cast(x AS DOUBLE))
    WHEN typeof(x) LIKE 'DECIMAL%' THEN bq_decimal_text(x)
    WHEN typeof(x) LIKE 'TIME%' THEN bq_time_text(x) ELSE CAST(x AS VARCHAR) END;
"""
_INTEGER, _FLOAT, _BOOL, _STRING, _BYTES = "INT64", "FLOAT64", "BOOL", "STRING", "BYTES"
_NAMES: dict[exp.DType, str] = {
    **dict.fromkeys(INTEGERS, _INTEGER),
    **dict.fromkeys(FLOATS, _FLOAT),
    **dict.fromkeys(TEXTS, _STRING),
    exp.DType.DECIMAL: "NUMERIC",
    exp.DType.BOOLEAN: _BOOL,
    exp.DType.BINARY: _BYTES,
    exp.DType.VARBINARY: _BYTES,
    exp.DType.DATE: "DATE",
    exp.DType.TIME: "TIME",
    exp.DType.DATETIME: "DATETIME",
    exp.DType.TIMESTAMP: "DATETIME",
    exp.DType.TIMESTAMPTZ: "TIMESTAMP",
    exp.DType.TIMESTAMPLTZ: "TIMESTAMP",
}
_TIMES = {"DATE", "TIME", "DATETIME", "TIMESTAMP"}
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules#conversion_rules
_CASTABLE: dict[str, set[str]] = {
    _INTEGER: {_BOOL, _INTEGER, "NUMERIC", _FLOAT, _STRING},
    "NUMERIC": {_INTEGER, "NUMERIC", _FLOAT, _STRING},
    _FLOAT: {_INTEGER, "NUMERIC", _FLOAT, _STRING},
    _BOOL: {_BOOL, _INTEGER, _STRING},
    _STRING: {_BOOL, _INTEGER, "NUMERIC", _FLOAT, _STRING, _BYTES, *_TIMES},
    _BYTES: {_STRING, _BYTES},
    "DATE": {_STRING, "DATE", "DATETIME", "TIMESTAMP"},
    "DATETIME": {_STRING, "DATE", "DATETIME", "TIME", "TIMESTAMP"},
    "TIME": {_STRING, "TIME"},
    "TIMESTAMP": {_STRING, "DATE", "DATETIME", "TIME", "TIMESTAMP"},
}
_COERCED = {_INTEGER: ("NUMERIC", _FLOAT), "NUMERIC": (_FLOAT,), "DATE": ("DATETIME",)}
_FROM_STRING = {
    _INTEGER: "bq_int",
    _FLOAT: "bq_float",
    _BOOL: "bq_bool",
    "NUMERIC": "bq_numeric",
    "DATE": "bq_date",
    "TIME": "bq_time",
    "DATETIME": "bq_datetime",
    "TIMESTAMP": "bq_timestamp",
    _BYTES: "encode",
}
_DUCKDB = {
    _INTEGER: "BIGINT",
    _FLOAT: "DOUBLE",
    _BOOL: "BOOLEAN",
    _STRING: "VARCHAR",
    _BYTES: "BLOB",
    "NUMERIC": "DECIMAL(38, 9)",
    "DATE": "DATE",
    "TIME": "TIME",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMPTZ",
}


def googlesql_name(kind: exp.DType) -> str | None:
    """Return GoogleSQL's name of a type, None for what is not known."""
    return _NAMES.get(kind)


def _cast(node: exp.Cast, types: Types) -> exp.Expr | None:
    if node.args.get("format"):
        raise unsupported("CAST with FORMAT")
    if node.to.this == exp.DType.ARRAY and isinstance(node.this, exp.Array):
        _check_elements(node.this, node.to, types)
    converted = convert(node.this, types.of(node.this), node.to)
    if converted is not None and isinstance(node, exp.TryCast):
        return call("try", converted)
    return converted


def _check_elements(array: exp.Array, to: exp.DataType, types: Types) -> None:
    """Refuse elements that are not coerced to the type of their array, though a CAST would take them."""
    target = googlesql_name(to.expressions[0].this) if to.expressions else None
    for element in array.expressions:
        given = googlesql_name(types.of(element))
        is_coerced = target in _COERCED.get(given or "", ()) or (
            isinstance(element, exp.Literal) and given == _STRING and target in _TIMES
        )
        if target and given and given != target and not isinstance(element, exp.Null) and not is_coerced:
            message = f"Array element type {given} does not coerce to {target}"
            raise failure("invalidQuery", message)


def convert(value: exp.Expr, kind: exp.DType, to: exp.DataType) -> exp.Expr | None:
    """
    Convert a value as CAST does.

    :param kind: its type.
    :param to: the type that it gets.
    :return: None where DuckDB converts as BigQuery does.
    :raises ApiError: 400 for types that cannot be converted, 501 for types that are not served.
    """
    if kind in (exp.DType.ARRAY, exp.DType.STRUCT) and googlesql_name(to.this):
        raise failure("invalidQuery", f"Invalid cast from {kind.value} to {googlesql_name(to.this)}")
    target, given = googlesql_name(to.this), googlesql_name(kind)
    if target is None or (to.expressions and target != "NUMERIC"):
        return None
    if given is not None and target not in _CASTABLE[given] and not isinstance(value, exp.Null):
        raise failure("invalidQuery", f"Invalid cast from {given} to {target}")
    if to.expressions:
        raise unsupported("CAST to a parameterized type")
    if given == _STRING and target in _FROM_STRING:
        held = value if isinstance(value, exp.Literal) else cast(value, "VARCHAR")
        return cast(call(_FROM_STRING[target], held), _DUCKDB[target])
    if target == _STRING:
        return _to_string(value, given, kind)
    if target == _INTEGER and kind in FLOATS | UNKNOWN:
        # BigQuery rounds halves away from zero, DuckDB's cast to the even neighbour
        return cast(call("round", value), "BIGINT") if kind in FLOATS else None
    if target == "NUMERIC" and kind in FLOATS:
        return call("bq_float_numeric", value)
    if target == "TIME" and given == "TIMESTAMP":
        return cast(cast(value, "TIMESTAMP"), "TIME")
    return cast(value, _DUCKDB[target])


def _to_string(value: exp.Expr, given: str | None, kind: exp.DType) -> exp.Expr:
    if given == _BYTES:
        return call("decode", value)
    if given in (_STRING, _INTEGER, _BOOL, "DATE") and kind in NUMBERS | TEXTS | {
        exp.DType.BOOLEAN,
        exp.DType.DATE,
    }:
        return cast(value, "VARCHAR")
    return call("bq_text", value)


TRANSLATIONS: dict[type[exp.Expr], Translation] = {exp.Cast: _cast, exp.TryCast: _cast}
