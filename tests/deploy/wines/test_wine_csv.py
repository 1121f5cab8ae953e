"""Every form in which people have the wines is read; what cannot be loaded is one line that says where."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.wines.wine_csv import read_csv
from deploy.wines.wine_rows import WineRowsError, columns, read_wine

NAMES = ["pH" if column == "ph" else column.replace("_", " ") for column in columns()]
FIRST = ["7.4", "0.7", "0", "1.9", "0.076", "11", "34", "0.9978", "3.51", "0.56", "9.4", "5"]
SECOND = ["6.3", "0.31", "0.47", "3.6", "0.067", "18", "42", "0.99549", "3.39", "0.66", "11", "6"]
ROWS = [
    {column: kind(value) for (column, kind), value in zip(columns().items(), row, strict=True)}
    for row in (FIRST, SECOND)
]


def csv(*rows: list[str], names: list[str] = NAMES, separator: str = ";", end: str = "\n") -> str:
    return "".join(separator.join(row) + end for row in (names, *rows))


def changed(row: list[str], column: str, value: str) -> list[str]:
    place = list(columns()).index(column)
    return [*row[:place], value, *row[place + 1 :]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    def write(content: str | bytes, name: str = "wine.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


READ = {
    "UCI's own": csv(FIRST, SECOND, names=[f'"{name}"' for name in NAMES]),
    "unquoted": csv(FIRST, SECOND),
    "commas": csv(FIRST, SECOND, separator=","),
    "tabs": csv(FIRST, SECOND, separator="\t"),
    "a line that names the separator": "sep=;\n" + csv(FIRST, SECOND),
    "a line in quotes that names the separator": '"sep=;"\r\n' + csv(FIRST, SECOND, end="\r\n"),
    "empty lines before the header": "\n \r\nsep=;\n\n" + csv(FIRST, SECOND),
    "a byte order mark": "\ufeff" + csv(FIRST, SECOND, names=[f'"{name}"' for name in NAMES]),
    "dots, as R writes names": csv(FIRST, SECOND, names=[name.replace(" ", ".") for name in NAMES]),
    "underscores": csv(FIRST, SECOND, names=list(columns())),
    "capitals and spaces around": csv(FIRST, SECOND, names=[f" {name.upper()} " for name in NAMES]),
    "decimal commas": csv(*([value.replace(".", ",") for value in row] for row in (FIRST, SECOND))),
    "quoted decimal commas": csv(
        *([f'"{value.replace(".", ",")}"' for value in row] for row in (FIRST, SECOND)), separator=","
    ),
    "grades with a point": csv(changed(FIRST, "quality", "5.0"), SECOND),
    "an Id": csv(
        *([str(n), *row] for n, row in enumerate((FIRST, SECOND))), names=["Id", *NAMES], separator=","
    ),
    "another order": csv(FIRST[::-1], SECOND[::-1], names=NAMES[::-1]),
    "mixed line ends": csv(FIRST, SECOND).replace("\n", "\r\n", 1),
    "separators at the end of the rows alone": csv([*FIRST, ""], [*SECOND, ""]),
    "CRLF": csv(FIRST, SECOND, end="\r\n"),
    "empty columns at the end": csv([*FIRST, "", ""], [*SECOND, "", ""], names=[*NAMES, "", ""]),
    "empty rows at the end": csv(FIRST, SECOND) + ";" * 11 + "\n\n",
    "no line end at the end": csv(FIRST, SECOND).rstrip("\n"),
    "a combined file": csv(
        ["red", *SECOND], ["white", *FIRST], ["White", *SECOND], names=["type", *NAMES], separator=","
    ),
    "a combined file, the wine under another name": csv(
        ["White", *FIRST], ["red", *SECOND], ["white", *SECOND], names=["Style", *NAMES]
    ),
    "a combined file, the wine last": csv([*FIRST, "white"], [*SECOND, "white"], names=[*NAMES, "color"]),
}


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_it_is_read(write: Callable[..., str], content: str) -> None:
    assert read_csv(write(content), "white") == ROWS


def test_a_compressed_file_is_read(write: Callable[..., str]) -> None:
    assert read_csv(write(gzip.compress(csv(FIRST, SECOND).encode()), "wine.csv.gz"), "white") == ROWS


@pytest.mark.parametrize("wine", ["red", "white"])
def test_ucis_file_gives_the_same_rows_as_the_package(write: Callable[..., str], wine: str) -> None:
    rows = read_wine(wine)

    content = csv(*([str(value) for value in row.values()] for row in rows), names=[f'"{n}"' for n in NAMES])

    assert read_csv(write(content), wine) == rows


REFUSED = {
    "no content": ("", "no rows"),
    "a header alone": (csv(), "no rows"),
    "not a text": (b"\xff\xfe\x00wine", "not UTF-8 text"),
    "half a gzip file": (gzip.compress(csv(FIRST).encode())[:-9], "not a whole gzip file"),
    "a missing column": (
        "quality;alcohol\n5;9.4\n",
        f"no column {', '.join(list(columns())[:10])}; the header has quality, alcohol",
    ),
    "the same column twice": (
        csv([*FIRST, "9.4"], names=[*NAMES, "Alcohol"]),
        "the column alcohol appears more than once",
    ),
    "no header": (csv(SECOND, names=FIRST), None),
    "a missing value": (csv(FIRST, changed(SECOND, "ph", "")), "row 2: ph: no value"),
    "NaN": (
        csv(FIRST, changed(SECOND, "ph", "nan")),
        "row 2: ph: 'nan' is not a number",
    ),
    "Infinity": (csv(changed(FIRST, "alcohol", "Infinity")), "row 1: alcohol: 'Infinity' is not a number"),
    "an underscore": (
        csv(changed(FIRST, "ph", "7_4")),
        "row 1: ph: '7_4' is not a number",
    ),
    "a word": (csv(FIRST, changed(SECOND, "quality", "good")), "row 2: quality: 'good' is not a number"),
    "a value out of range": (
        csv(FIRST, changed(SECOND, "density", "99549")),
        "row 2: density: '99549' is not between 0.95 and 1.1",
    ),
    "a grade out of range": (
        csv(changed(FIRST, "quality", "11")),
        "row 1: quality: '11' is not between 0 and 10",
    ),
    "half a grade": (csv(changed(FIRST, "quality", "5.5")), "row 1: quality: '5.5' is not a whole number"),
    "many values": (
        csv(*[changed(FIRST, "ph", "?")] * 1200),
        "; ".join(f"row {number}: ph: '?' is not a number" for number in range(1, 6))
        + "; 1,200 such values in all",
    ),
    "a comma next to decimal points": (
        csv(FIRST, changed(SECOND, "alcohol", "11,034")),
        "row 2: alcohol: '11,034' has a comma, and other values have decimal points",
    ),
    "more values than names": (
        csv(FIRST, [*SECOND, "7"]),
        "row 2: more values than the header has names",
    ),
    "more values than names in a late row": (
        csv(*[FIRST] * 30_000, [*SECOND, "7"]),
        "line 30002: 13 values, and the header has 12 names",
    ),
    "a line end in a value": (
        csv(FIRST, changed(SECOND, "ph", '"3\n4"')),
        "row 2: ph: '3\\n4' is not a number",
    ),
    "a combined file with a row of no wine": (
        csv(["white", *FIRST], ["", *SECOND], names=["type", *NAMES]),
        "row 2: type: no value",
    ),
    "a combined file whose wines are numbers": (
        csv(["0", *FIRST], ["1", *SECOND], names=["is_red", *NAMES]),
        "the column is_red does not say which rows are of white: it needs words like red and white",
    ),
    "a comment before the header": (
        "# wines\n" + csv(FIRST),
        f"no column {', '.join(columns())}; the header has wines",
    ),
    "many other wines": (
        csv(*([f"wine {number:02}", *FIRST] for number in range(30)), names=["type", *NAMES]),
        "no row is of white: the column type has "
        + ", ".join(f"wine {number:02}" for number in range(20))
        + ", 10 more",
    ),
    "a long name": (
        csv(["5"], names=["x" * 5000]),
        f"no column {', '.join(columns())}; the header has {'x' * 40}…",
    ),
    "a combined file without the wine": (
        csv(["red", *FIRST], ["rosé", *SECOND], names=["type", *NAMES]),
        "no row is of white: the column type has red, rosé",
    ),
}


@pytest.mark.parametrize(("content", "line"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_in_one_line(write: Callable[..., str], content: str | bytes, line: str | None) -> None:
    path = write(content)

    with pytest.raises(WineRowsError) as refused:
        read_csv(path, "white")

    assert "\n" not in str(refused.value)
    if line is None:
        assert str(refused.value).startswith(f"{path}: no column {next(iter(columns()))}, ")
    else:
        assert str(refused.value) == f"{path}: {line}"


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(WineRowsError, match=r"^/nowhere/wine.csv: No such file or directory$"):
        read_csv("/nowhere/wine.csv", "white")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("http://127.0.0.1:9/wine.csv", "[Errno 111] Connection refused"),
        ("http://[/wine.csv", "Invalid IPv6 URL"),
        ("http://127.0.0.1:9/white wine.csv", None),
        ("https://", "no host given"),
        ("gs://wine-bucket/wine.csv", "must be a path or an https:// URL"),
        ("wine\0.csv", "embedded null byte"),
    ],
)
def test_a_source_that_cannot_be_read_is_named(source: str, says: str | None) -> None:
    with pytest.raises(WineRowsError) as refused:
        read_csv(source, "white")

    assert str(refused.value).startswith(f"{source}: ")
    assert says is None or str(refused.value) == f"{source}: {says}"
