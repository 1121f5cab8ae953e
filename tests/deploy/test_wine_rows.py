"""The rows come from the package or from UCI's own file, in the same form."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.wine_rows import WineRowsError, columns, read_uci_csv, read_wine


def write_as_uci_does(path: Path, wine: str) -> Path:
    """Write rows as UCI's file has them: semicolons, quoted names with spaces, pH with a capital."""
    names = ["pH" if column == "ph" else column.replace("_", " ") for column in columns()]
    header = ";".join(f'"{name}"' for name in names)
    lines = [";".join(str(value) for value in row.values()) for row in read_wine(wine)]
    path.write_text("\n".join([header, *lines, ""]))
    return path


def test_the_columns_are_the_features_and_the_grade() -> None:
    assert len(columns()) == 12
    assert list(columns())[-1] == "quality"
    assert columns()["quality"] is int


def test_ucis_file_gives_the_same_rows_as_the_package(tmp_path: Path) -> None:
    path = write_as_uci_does(tmp_path / "winequality-red.csv", "red")

    assert '"pH";' in path.read_text()
    assert read_uci_csv(str(path)) == read_wine("red")


def test_an_unknown_wine_is_named() -> None:
    with pytest.raises(WineRowsError, match="rose: the data set has no such wine"):
        read_wine("rose")


def test_a_missing_column_is_named_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "wine.csv"
    path.write_text('"quality";"alcohol"\n5;9.4\n')

    with pytest.raises(WineRowsError, match=r"wine.csv: row 1: no value for fixed.*, ph, sulphates$"):
        read_uci_csv(str(path))


def test_a_value_that_is_no_number_is_shown_with_its_row(tmp_path: Path) -> None:
    path = write_as_uci_does(tmp_path / "wine.csv", "red")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1], lines[2].rpartition(";")[0] + ";good"]))

    with pytest.raises(WineRowsError, match=r"wine.csv: row 2: .*'good'"):
        read_uci_csv(str(path))


@pytest.mark.parametrize("content", ["", '"quality"\n'])
def test_a_file_without_rows_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(content)

    with pytest.raises(WineRowsError, match=r"empty.csv: no rows"):
        read_uci_csv(str(path))


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(WineRowsError, match=r"/nowhere/wine.csv: No such file or directory"):
        read_uci_csv("/nowhere/wine.csv")
