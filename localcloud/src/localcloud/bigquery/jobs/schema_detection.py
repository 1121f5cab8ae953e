"""Schema auto-detection for files that carry no types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from localcloud.bigquery.errors import unsupported
from localcloud.bigquery.store.encoding import decode
from localcloud.bigquery.store.types import Field

# In this order: the first type that every value has wins.
_CANDIDATES = ("INTEGER", "FLOAT", "BOOLEAN", "DATE", "TIMESTAMP", "STRING")


def detect(values: Iterable[Any]) -> str:
    """
    Return the type that fits all values; STRING for none.

    :raises ApiError: 501 for arrays and objects.
    """
    possible = list(_CANDIDATES)
    empty = True
    for value in values:
        if value in (None, ""):
            continue
        if isinstance(value, list | dict):
            raise unsupported("nested and repeated values in a load")
        empty = False
        possible = [name for name in possible if _fits(value, name)]
    return "STRING" if empty else possible[0]


def _fits(value: Any, type_name: str) -> bool:
    if type_name == "STRING":
        return True
    if type_name == "BOOLEAN":
        return str(value).lower() in ("true", "false")
    if type_name in ("DATE", "TIMESTAMP") and not isinstance(value, str):
        return False
    try:
        decode(value, type_name)
    except ValueError:
        return False
    return type_name != "INTEGER" or not isinstance(value, float)


def detect_csv(lines: list[list[str]], skip: int) -> tuple[list[Field], int]:
    """
    Find out columns and header of a CSV file.

    :param skip: ``skipLeadingRows``; the last skipped row is the header. If 0, the first row is, when it is
        all text above rows that are not.
    :return: the columns and the number of rows before the data.
    """
    if skip:
        header, body = lines[skip - 1], lines[skip:]
    elif len(lines) > 1 and _is_header(lines[0], lines[1:]):
        header, body, skip = lines[0], lines[1:], 1
    else:
        header, body = [], lines
    width = max((len(line) for line in lines), default=0)
    fields = []
    for index in range(width):
        kind = detect(line[index] for line in body if index < len(line))
        name = header[index] if index < len(header) and header[index] else f"{kind.lower()}_field_{index}"
        fields.append({"name": _column_name(name), "type": kind})
    return fields, skip


def _is_header(first: list[str], rest: list[list[str]]) -> bool:
    if any(detect([cell]) != "STRING" for cell in first):
        return False
    kinds = [detect(line[index] for line in rest if index < len(line)) for index in range(len(first))]
    return any(kind != "STRING" for kind in kinds)


def _column_name(text: str) -> str:
    name = re.sub(r"\W", "_", text.strip())
    return f"_{name}" if name[:1].isdigit() else name
