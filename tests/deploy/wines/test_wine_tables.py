"""The part of wine_config.yaml that the deployment reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.wines.wine_tables import WineTablesError, read_wine_tables


def test_the_wines_and_their_tables_are_read() -> None:
    tables = read_wine_tables()

    assert list(tables.wines) == ["white", "red"]
    assert tables.table("red") == "wine_quality.red_wine"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"[white]", "must be a mapping, not a list"),
        (b"dataset: \xff", "is not UTF-8: line 1: byte 0xff"),
        (b"dataset: a\ndataset: b\n", "dataset: is a duplicate key, in lines 1 and 2"),
        (b"dataset: a\n", "wines: missing"),
        (b"dataset: a\nwines: {}\n", "wines: must not be empty, not a mapping"),
        (b"dataset: a\nwines: {white: {}}\n", "wines.white.table: missing"),
        (
            b"dataset: a-b\nwines: {white: {table: b}}\n",
            "dataset: must be 1 to 1024 letters, digits and underscores, not 'a-b'",
        ),
        (
            b"dataset: a\nwines: {White: {table: b}}\n",
            "wines.White: must be 1 to 31 lower-case letters, digits and hyphens, the first one a letter,"
            " not 'White'",
        ),
    ],
)
def test_a_file_without_them_is_refused_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "dags" / "wine_config.yaml"
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(WineTablesError) as refused:
        read_wine_tables(path)

    assert str(refused.value) == f"dags/wine_config.yaml: {says}"
