"""Values as BigQuery's JSON writes and reads them."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from localcloud.bigquery.store.types import RECORD, Field, quote

TimestampFormat = str  # FLOAT64, INT64 or ISO8601_STRING, as formatOptions.timestampOutputFormat names them
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def select_list(fields: list[Field]) -> str:
    """Return the SELECT list whose values :func:`encode_row` understands."""
    return ", ".join(_selected(field) for field in fields) or "1"


def _selected(field: Field) -> str:
    return _form(field, quote(field["name"]), 0)


def _form(field: Field, value: str, depth: int) -> str:
    if field["mode"] == "REPEATED":
        part = f"v{depth}"
        form = _form({**field, "mode": "NULLABLE"}, part, depth + 1)
        return value if form == part else f"list_transform({value}, lambda {part}: {form})"
    if field["type"] == "TIMESTAMP":
        return f"epoch_us({value})"
    if field["type"] in ("DATE", "DATETIME", "TIME", "NUMERIC"):
        return f"CAST({value} AS VARCHAR)"
    if field["type"] == RECORD:
        parts = ((quote(part["name"]), part) for part in field["fields"])
        packed = ", ".join(f"{name} := {_form(part, f'{value}.{name}', depth)}" for name, part in parts)
        return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END"
    return value


def encode_row(row: Sequence[Any], fields: list[Field], timestamps: TimestampFormat) -> dict[str, Any]:
    """
    Return a row as ``{"f": [{"v": ...}]}``.

    Every value is a string, null, such a row for a RECORD, or a list of ``{"v": ...}``.
    """
    return {
        "f": [{"v": _encode_cell(value, field, timestamps)} for value, field in zip(row, fields, strict=True)]
    }


def _encode_cell(value: Any, field: Field, timestamps: TimestampFormat) -> Any:
    if field["mode"] == "REPEATED":
        # an array that is NULL is read back empty
        return [{"v": _encode_single(part, field, timestamps)} for part in value or []]
    return _encode_single(value, field, timestamps)


def _encode_single(value: Any, field: Field, timestamps: TimestampFormat) -> Any:
    if field["type"] != RECORD:
        return encode(value, field["type"], timestamps)
    return None if value is None else encode_row(list(value.values()), field["fields"], timestamps)


def encode(value: Any, type_name: str, timestamps: TimestampFormat = "FLOAT64") -> str | None:
    """
    Return a value that came through :func:`select_list` as BigQuery's text.

    :param type_name: the column's legacy type name.
    :param timestamps: how a TIMESTAMP is written.
    """
    if value is None:
        return None
    if type_name == "FLOAT":
        return encode_float(value)
    if type_name == "BOOLEAN":
        return "true" if value else "false"
    if type_name == "BYTES":
        return base64.b64encode(value).decode()
    if type_name == "TIMESTAMP":
        return _encode_timestamp(value, timestamps)
    if type_name in ("DATETIME", "TIME"):
        return _with_microseconds(str(value).replace(" ", "T"))
    if type_name == "NUMERIC":
        return str(value).rstrip("0").rstrip(".")
    return str(value)


def encode_float(value: float) -> str:
    """Return a FLOAT64 as text, with BigQuery's words for what is not a number."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _with_microseconds(time: str) -> str:
    """Write a fraction of a second with six digits, which clients read."""
    whole, point, fraction = time.partition(".")
    return f"{whole}{point}{fraction.ljust(6, '0')}" if point else whole


def _encode_timestamp(microseconds: int, form: TimestampFormat) -> str:
    if form == "INT64":
        return str(microseconds)
    if form == "ISO8601_STRING":
        moment = _EPOCH + timedelta(microseconds=microseconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return repr(microseconds / 1e6)


def _decode_integer(value: Any) -> int:
    number = int(value) if isinstance(value, str) else value
    if isinstance(number, bool) or number != int(number) or not -(2**63) <= number < 2**63:
        raise ValueError
    return int(number)


def _decode_float(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    return float(value)


def _decode_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word not in _TRUE + _FALSE:
        raise ValueError
    return word in _TRUE


def _decode_string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise ValueError
    return str(value)


def _decode_timestamp(value: Any) -> datetime:
    if isinstance(value, int | float):
        return _EPOCH + timedelta(microseconds=round(value * 1_000_000))
    moment = datetime.fromisoformat(value.strip().removesuffix("UTC").strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _decode_datetime(value: Any) -> datetime:
    moment = datetime.fromisoformat(value.strip())
    if moment.tzinfo:
        raise ValueError
    return moment


def _decode_numeric(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("1e-9"))


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "INTEGER": _decode_integer,
    "FLOAT": _decode_float,
    "BOOLEAN": _decode_boolean,
    "STRING": _decode_string,
    "BYTES": lambda value: base64.b64decode(value, validate=True),
    "TIMESTAMP": _decode_timestamp,
    "DATETIME": _decode_datetime,
    "DATE": lambda value: date.fromisoformat(value.strip()),
    "TIME": lambda value: time.fromisoformat(value.strip()),
    "NUMERIC": _decode_numeric,
}


def decode_field(value: Any, field: Field) -> Any:
    """
    Read a field's value that a client sent as JSON: an array if it is REPEATED.

    :raises ValueError: when it is no such value.
    """
    if field["mode"] != "REPEATED":
        return _decode_single(value, field)
    if value is None:
        return []
    if not isinstance(value, list) or None in value:
        raise ValueError(f"Array of {field['type'].lower()} without null expected. Value: {value!r}")
    return [_decode_single(part, field) for part in value]


def _decode_single(value: Any, field: Field) -> Any:
    if field["type"] != RECORD or value is None:
        return decode(value, field["type"])
    if not isinstance(value, Mapping):
        raise ValueError(f"This field: {field['name']} is a record.")
    return decode_row(value, field["fields"], ignore_unknown=False)


def decode(value: Any, type_name: str) -> Any:
    """
    Read a value that a client sent as JSON or as CSV text.

    :param type_name: the column's legacy type name.
    :raises ValueError: when it is no such value.
    """
    if value is None:
        return None
    try:
        return _DECODERS[type_name](value)
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"Could not convert value to {type_name.lower()}. Value: {value!r}") from error


class InvalidRowError(ValueError):
    """
    A row that does not fit its table.

    :param column: the column at fault.
    :param message: one line.
    """

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def decode_row(content: Mapping[str, Any], fields: list[Field], ignore_unknown: bool) -> dict[str, Any]:
    """
    Read a row from JSON.

    :param ignore_unknown: drop keys that are no columns instead of refusing the row.
    :raises InvalidRowError: for an unknown key, a value of another type, a NULL in a REQUIRED column.
    """
    lowered = {key.lower(): value for key, value in content.items()}
    row = {}
    for field in fields:
        name = field["name"]
        try:
            row[name] = decode_field(lowered.pop(name.lower(), None), field)
        except ValueError as error:
            raise InvalidRowError(name, str(error)) from error
        if row[name] is None and field["mode"] == "REQUIRED":
            raise InvalidRowError(name, f"Missing required field: {name}.")
    if lowered and not ignore_unknown:
        name = next(iter(lowered))
        raise InvalidRowError(name, f"no such field: {name}.")
    return row
