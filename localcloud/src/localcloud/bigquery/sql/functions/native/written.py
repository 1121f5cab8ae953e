"""Values of any type as text: FORMAT's %t and %T, and TO_JSON_STRING."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import duckdb

from localcloud.bigquery.sql.functions.native.json_text import Number, quoted
from localcloud.bigquery.sql.functions.native.numbers import float_text

# Sources: https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#t_and_t_behavior,
# https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#json_encodings
_LOSSLESS = 2**53
_PREFIXES = {
    "date": "DATE",
    "time": "TIME",
    "timestamp": "DATETIME",
    "timestamp with time zone": "TIMESTAMP",
}
_ESCAPED = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": r"\\"}
# makes the text of a value that is neither an array nor a STRUCT, from the name of its DuckDB type
_Scalar = Callable[[str, Any], str]


def value_text(form: str, type_name: str, value: str | None) -> str:
    """
    Return a value as FORMAT writes it.

    :param form: ``t`` for readers, ``T`` as a literal.
    :param type_name: its type in DuckDB.
    :param value: the value as DuckDB's JSON, None for NULL.
    """
    scalar = _literal if form == "T" else _shown
    return _text(scalar, _type(type_name), None if value is None else _read(value))


def value_json(type_name: str, value: str | None) -> str:
    """Return a value as TO_JSON_STRING writes it; parameters as for :func:`value_text`."""
    return _json(_type(type_name), None if value is None else _read(value))


def pretty_json(text: str, wanted: bool) -> str:
    """Return JSON with a line for each value, if that is wanted."""
    return _pretty(_read(text), "\n") if wanted else text


@cache
def _type(name: str) -> Any:
    return duckdb.type(name)


def _read(value: str) -> Any:
    return json.loads(value, parse_int=Number, parse_float=Number, parse_constant=Number)


def _text(scalar: _Scalar, kind: Any, value: Any) -> str:
    if value is None:
        return "NULL"
    if kind.id == "list":
        return "[" + ", ".join(_text(scalar, kind.child, part) for part in value) + "]"
    if kind.id == "struct":
        parts = [
            _text(scalar, part, held) for (_, part), held in zip(kind.children, value.values(), strict=True)
        ]
        name = "STRUCT" if scalar is _literal and len(parts) == 1 else ""
        return f"{name}({', '.join(parts)})"
    return scalar(kind.id, value)


def _shown(kind: str, value: Any) -> str:
    if kind == "boolean":
        return "true" if value else "false"
    if kind in ("double", "float"):
        return _float(value)
    if kind == "decimal":
        return re.sub(r"\.?0*$", "", value) if "." in value else str(value)
    if kind == "blob":
        return "".join(map(_escaped, _bytes(value).decode("latin-1")))
    return _with_even_fraction(value) if kind.startswith("time") else str(value)


def _literal(kind: str, value: Any) -> str:
    if kind in ("double", "float") and not math.isfinite(float(value)):
        return f'CAST("{_float(value)}" AS FLOAT64)'
    if kind == "decimal":
        return f'NUMERIC "{_shown(kind, value)}"'
    if kind in _PREFIXES:
        return f'{_PREFIXES[kind]} "{_shown(kind, value)}"'
    if kind == "varchar":
        return _quoted(value, lambda sign: sign if sign.isprintable() and sign != "\\" else _escaped(sign))
    if kind == "blob":
        return "b" + _quoted(_bytes(value).decode("latin-1"), _escaped)
    return _shown(kind, value)


def _float(value: str) -> str:
    written = float_text(float(value))
    return f"{written}.0" if re.fullmatch(r"-?\d+", written) else written


def _quoted(value: str, escaped: Callable[[str], str]) -> str:
    quote = "'" if '"' in value and "'" not in value else '"'
    return quote + "".join(f"\\{sign}" if sign == quote else escaped(sign) for sign in value) + quote


def _escaped(sign: str) -> str:
    return _ESCAPED.get(sign) or (sign if " " <= sign <= "~" else f"\\x{ord(sign):02x}")


def _bytes(value: str) -> bytes:
    """Read bytes as DuckDB writes them in text."""
    parts = re.findall(r"\\x([0-9A-F]{2})|(.)", value, re.DOTALL)
    return bytes(int(code, 16) if code else ord(sign) for code, sign in parts)


def _with_even_fraction(value: str) -> str:
    """Write a fraction of a second with three or six digits."""

    def padded(match: re.Match[str]) -> str:
        return match[0].ljust(4 if len(match[0]) <= 4 else 7, "0")

    return re.sub(r"\.\d+", padded, value)


def _json(kind: Any, value: Any) -> str:
    if value is None:
        return "null"
    if kind.id == "list":
        return "[" + ",".join(_json(kind.child, part) for part in value) + "]"
    if kind.id == "struct":
        parts = zip(kind.children, value.items(), strict=True)
        return (
            "{" + ",".join(f"{quoted(name)}:{_json(part, held)}" for (_, part), (name, held) in parts) + "}"
        )
    return _scalar_json(kind.id, value)


def _scalar_json(kind: str, value: Any) -> str:
    if kind == "boolean":
        return "true" if value else "false"
    if kind in ("double", "float"):
        held = float(value)
        return float_text(held) if math.isfinite(held) else f'"{str(value).replace("inf", "Infinity")}"'
    if kind == "blob":
        return quoted(base64.b64encode(_bytes(value)).decode())
    if kind == "varchar":
        return quoted(value)
    if kind in _PREFIXES:
        written = _with_even_fraction(value).replace(" ", "T")
        return quoted(re.sub(r"\+00$", "Z", written))
    written = _shown(kind, value)
    is_exact = re.fullmatch(r"-?\d+", written) and -_LOSSLESS <= int(written) <= _LOSSLESS
    return written if is_exact else quoted(written)


def _pretty(value: Any, line: str) -> str:
    inner = line + "  "
    if isinstance(value, dict) and value:
        return (
            "{" + ",".join(f"{inner}{quoted(k)}: {_pretty(v, inner)}" for k, v in value.items()) + line + "}"
        )
    if isinstance(value, list) and value:
        return "[" + ",".join(inner + _pretty(part, inner) for part in value) + line + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)
