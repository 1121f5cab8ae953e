"""
Wines from a CSV file as people have it: UCI's own, or one of its many copies.

DuckDB finds the delimiter and the quotes; what is read is named, checked and converted here.
"""

from __future__ import annotations

import gzip
import http.client
import re
import tempfile
import urllib.parse
import urllib.request
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from deploy.wines.wine_rows import WineRowsError, columns, limits

DOWNLOAD_SECONDS = 60
# what a combined file calls the column that says which wine a row is of
WINE_COLUMNS = ("type", "color", "colour", "wine", "wine_type")
_WINES = {"red", "white"}
_ONE_WINE = re.compile(r"(is_)?(red|white)(_wine)?")
_SHOWN_PROBLEMS = 5
_SHOWN_LENGTH = 40
_GZIP = b"\x1f\x8b"
_SEPARATOR_LINE = re.compile(r"(\"?)sep=(.)\1\s*?\r?\n", re.IGNORECASE)
_EMPTY_LINES = re.compile(r"(\s*[\r\n])?")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_TOO_MANY = re.compile(r"CSV Error on Line: (\d+).*Expected Number of Columns: (\d+) Found: (\d+)", re.DOTALL)
_SHOWN_NAMES = 20


class Table(NamedTuple):
    """
    What a file holds.

    :param names: its columns up to the last one with a name, in lower case with underscores.
    :param rows: their values as text, None where there is none; a row without any value is left out.
    """

    names: list[str]
    rows: list[tuple[int, Sequence[str | None]]]


class Problem(NamedTuple):
    """
    A value that cannot be loaded.

    :param row: its row, from 1; the header does not count.
    :param column: its column; empty if the whole row is meant.
    :param what: what is wrong with it.
    """

    row: int
    column: str
    what: str

    def __str__(self) -> str:
        return (
            f"row {self.row}: {self.column}: {self.what}" if self.column else f"row {self.row}: {self.what}"
        )


def read_csv(source: str, wine: str) -> list[dict[str, Any]]:
    """
    Read the rows of one wine from a file.

    :param source: a path or an https:// URL; the content may be compressed by gzip.
    :param wine: which rows to take of a file that holds several wines.
    :return: the rows in the order of the file, each with the columns of a wine table.
    :raises WineRowsError: if it cannot be read, lacks a column, or holds a value that cannot be loaded.
    """
    table = _parse(_decode(_fetch(source), source), source)
    places = _find_columns(table.names, source)
    problems: list[Problem] = []
    rows = _rows_of(wine, table, source, problems)
    points = any("." in _text(values[place]) for _, values in rows for place in places.values())
    read = [_convert(number, values, places, points, problems) for number, values in rows]
    problems += [
        Problem(number, "", "more values than the header has names")
        for number, values in rows
        if any(map(_text, values[len(table.names) :]))
    ]
    if problems:
        shown = "; ".join(map(str, problems[:_SHOWN_PROBLEMS]))
        more = "" if len(problems) <= _SHOWN_PROBLEMS else f"; {len(problems):,} such values in all"
        raise WineRowsError(f"{source}: {shown}{more}")
    return read


def _fetch(source: str) -> bytes:
    try:
        scheme = urllib.parse.urlsplit(source).scheme
        if "://" in source and scheme not in ("http", "https"):
            raise WineRowsError(f"{source}: must be a path or an https:// URL")
        if scheme in ("http", "https"):
            with urllib.request.urlopen(source, timeout=DOWNLOAD_SECONDS) as answer:  # noqa: S310 (a web URL)
                return bytes(answer.read())
        return Path(source).read_bytes()
    except WineRowsError:
        raise
    except (http.client.HTTPException, OSError, ValueError) as error:
        # a URLError is an OSError; what is not a path or a URL at all is a ValueError
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        raise WineRowsError(f"{source}: {' '.join(str(reason).split())}") from error


def _decode(content: bytes, source: str) -> str:
    try:
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except (EOFError, OSError, zlib.error) as error:
        raise WineRowsError(f"{source}: not a whole gzip file") from error
    except UnicodeDecodeError as error:
        raise WineRowsError(f"{source}: not UTF-8 text") from error


def _parse(text: str, source: str) -> Table:
    import duckdb

    options: dict[str, Any] = {}
    text = _EMPTY_LINES.sub("", text, count=1)
    if separator := _SEPARATOR_LINE.match(text):
        options, text = {"delimiter": separator[2]}, text[separator.end() :]
        text = _EMPTY_LINES.sub("", text, count=1)
    if not text.strip():
        raise WineRowsError(f"{source}: no rows")
    with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as file, duckdb.connect() as database:
        # mixed line ends would confuse DuckDB
        file.write(text.replace("\r\n", "\n").replace("\r", "\n"))
        file.flush()
        try:
            # in parallel it takes no line end in quotes
            found = database.read_csv(
                file.name,
                header=True,
                all_varchar=True,
                null_padding=True,
                parallel=False,
                **options,
            )
            rows = found.fetchall()
        except duckdb.Error as error:
            raise WineRowsError(f"{source}: {_reason(str(error)).replace(file.name, 'the file')}") from error
    named = found.columns[: _named(found.columns)]
    names = [re.sub(r"[\W_]+", "_", name.strip().lower()).strip("_") for name in named]
    numbered = enumerate(rows, start=1)
    return Table(names, [(number, row) for number, row in numbered if any(_text(value) for value in row)])


def _reason(error: str) -> str:
    if found := _TOO_MANY.search(error):
        return f"line {found[1]}: {found[3]} values, and the header has {found[2]} names"
    return " ".join(error.partition("\n")[0].split())


def _named(columns: Sequence[str]) -> int:
    """Count the columns up to the last one with a name: DuckDB numbers the others."""
    named = [number for number, name in enumerate(columns) if not re.fullmatch(rf"column0*{number}", name)]
    return named[-1] + 1 if named else 0


def _listed(texts: Sequence[str]) -> str:
    shown = [text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…" for text in texts]
    more = [f"{len(texts) - _SHOWN_NAMES:,} more"] if len(texts) > _SHOWN_NAMES else []
    return ", ".join([*shown[:_SHOWN_NAMES], *more])


def _find_columns(names: list[str], source: str) -> dict[str, int]:
    if missing := [column for column in columns() if column not in names]:
        there = _listed([name for name in names if name]) or "no names"
        raise WineRowsError(f"{source}: no column {', '.join(missing)}; the header has {there}")
    # DuckDB numbers the names that are there already, whatever their case
    if twice := [column for column in columns() if names.count(column) > 1 or f"{column}_1" in names]:
        raise WineRowsError(f"{source}: the column {', '.join(twice)} appears more than once")
    return {column: names.index(column) for column in columns()}


def _rows_of(
    wine: str, table: Table, source: str, problems: list[Problem]
) -> list[tuple[int, Sequence[str | None]]]:
    """Return the rows of one wine, if the file says which rows those are."""
    rows = table.rows
    column = _wine_column(table)
    if column is not None:
        place = table.names.index(column)
        problems += [Problem(number, column, "no value") for number, row in rows if not _text(row[place])]
        rows = [(number, row) for number, row in rows if _text(row[place]).lower() == wine.lower()]
        if table.rows and not rows:
            values = sorted({_text(row[place]) for _, row in table.rows} - {""})
            held = _listed(values) or "no values"
            raise WineRowsError(f"{source}: no row is of {wine}: the column {column} has {held}")
    elif unclear := next(filter(_ONE_WINE.fullmatch, table.names), None):
        raise WineRowsError(
            f"{source}: the column {unclear} does not say which rows are of {wine}: "
            "it needs words like red and white"
        )
    if not rows:
        raise WineRowsError(f"{source}: no rows")
    return rows


def _wine_column(table: Table) -> str | None:
    """Return the column that says which wine a row is of, whatever its name if its values are wines."""
    for name in WINE_COLUMNS:
        if name in table.names:
            return name
    for place, name in enumerate(table.names):
        if name not in columns() and any(_text(row[place]).lower() in _WINES for _, row in table.rows):
            return name
    return None


def _convert(
    number: int,
    values: Sequence[str | None],
    places: dict[str, int],
    points: bool,
    problems: list[Problem],
) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column, kind in columns().items():
        try:
            row[column] = _value(_text(values[places[column]]), column, kind, points)
        except ValueError as error:
            problems.append(Problem(number, column, str(error)))
    return row


def _value(text: str, column: str, kind: type, points: bool) -> Any:
    shown = repr(text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…")
    if not text:
        raise ValueError("no value")
    if _DECIMAL_COMMA.fullmatch(text):
        if points:
            # 1,034 may be a thousand
            raise ValueError(f"{shown} has a comma, and other values have decimal points")
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{shown} is not a number")
    value = float(text)
    low, high = limits()[column]
    if not low <= value <= high:
        raise ValueError(f"{shown} is not between {low:g} and {high:g}")
    if kind is int and not value.is_integer():
        raise ValueError(f"{shown} is not a whole number")
    return kind(value)


def _text(value: str | None) -> str:
    return (value or "").strip()
