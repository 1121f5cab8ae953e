"""``selected_fields``: which columns, and which fields of RECORD columns, a session gives."""

from __future__ import annotations

from collections.abc import Sequence

from localcloud.bigquery.errors import failure
from localcloud.bigquery.store.types import RECORD, Field

Path = list[str]


def select_fields(fields: list[Field], names: Sequence[str]) -> list[Field]:
    """
    Return the chosen columns in the order of the table; names are not case-sensitive.

    Source: https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#tablereadoptions

    :param fields: the columns of the table.
    :param names: of columns, or of fields of a RECORD such as ``record.field``; all columns if empty.
    :raises ApiError: 400 for a name that the table does not have.
    """
    if not names:
        return fields
    missing = [name for name in names if not _has(fields, _path(name))]
    if missing:
        # https://github.com/googleapis/nodejs-bigquery-storage/blob/main/system-test/reader_client_test.ts
        message = "request failed: The following selected fields do not exist in the table schema: "
        raise failure("invalid", message + ", ".join(missing))
    return _pruned(fields, [_path(name) for name in names])


def _path(name: str) -> Path:
    return name.lower().split(".")


def _has(fields: list[Field], path: Path) -> bool:
    found = next((field for field in fields if field["name"].lower() == path[0]), None)
    if found is None or len(path) == 1:
        return found is not None
    return found["type"] == RECORD and _has(found["fields"], path[1:])


def _pruned(fields: list[Field], paths: list[Path]) -> list[Field]:
    chosen = []
    for field in fields:
        inner = [path[1:] for path in paths if path[0] == field["name"].lower()]
        if [] in inner:
            chosen.append(field)
        elif inner:
            chosen.append({**field, "fields": _pruned(field["fields"], inner)})
    return chosen
