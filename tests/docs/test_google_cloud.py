"""The page about Google's services names what there is: files, sources, probes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.acceptance.questions import PROBES

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "google-cloud.md").read_text()
HEADER = ["behaviour", "where in the code", "source", "localcloud", "how sure"]
NAMES = {probe.name for probe in PROBES}


def tables(header: str) -> list[list[str]]:
    """Return the rows of the tables whose first column has this name."""
    found, inside = [], False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == header:
            assert len(cells) == 2 or cells == HEADER
            inside = True
        elif inside and not line.startswith("|---"):
            found.append(cells)
    return found


ROWS = tables("behaviour")


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_there_are_rows_and_probes_have_names_of_their_own() -> None:
    assert len(ROWS) > 50
    assert len(NAMES) == len(PROBES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_a_row_names_files_a_source_and_how_sure_it_is(row: list[str]) -> None:
    _, where, source, localcloud, sure = row

    assert quoted(where)
    assert [path for path in quoted(where) if not (REPOSITORY / path).exists()] == []
    assert "https://" in source or source.startswith("unknown")
    named = [name for name in quoted(localcloud) if name.endswith(".py")]
    assert [path for path in named if not (REPOSITORY / path).exists()] == []
    assert re.match(r"documented|seen|unknown until run(: `|, not asked: )", sure)
    assert set(quoted(sure)) <= NAMES


def test_every_probe_asks_for_a_row() -> None:
    assert {name for row in ROWS for name in quoted(row[4])} == NAMES


def test_what_is_unknown_is_listed_first() -> None:
    listed = [name for row in tables("probe") for name in quoted(row[0])]
    unknown = {name for row in ROWS if row[4].startswith("unknown") for name in quoted(row[4])}

    assert len(listed) == len(set(listed))
    assert unknown <= set(listed) <= NAMES
