"""The workshop's page: its links lead somewhere, its minutes add up, its commands are understood."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from wine_pipeline.__main__ import _parser

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = REPOSITORY / "docs" / "lab.md"
PAGES = [
    PAGE,
    REPOSITORY / "docs" / "predict.md",
    REPOSITORY / "pipeline" / "predict.ipynb",
    REPOSITORY / "pipeline" / "wine_quality_notebook.ipynb",
]
WORKSHOP_MINUTES = 120
COMMAND = "pipeline/.venv/bin/python -m wine_pipeline "


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_or_a_heading(page: Path) -> None:
    links = re.findall(r"\]\(((?!https?:)[^)]*)\)", page.read_text())

    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def test_the_sections_add_up_to_two_hours() -> None:
    text = PAGE.read_text()
    sections = [int(minutes) for minutes in re.findall(r"^## .*\((\d+) minutes\)$", text, re.MULTILINE)]
    rows = [(int(begin), int(end)) for begin, end in re.findall(r"^\| (\d+) - (\d+) \|", text, re.MULTILINE)]

    assert sum(sections) == WORKSHOP_MINUTES
    assert [end - begin for begin, end in rows] == sections
    assert [begin for begin, _ in rows] == [sum(sections[:number]) for number in range(len(rows))]


def test_the_pages_commands_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "wine-local")
    lines = PAGE.read_text().replace("\\\n", " ").splitlines()
    commands = [line.removeprefix(COMMAND) for line in lines if line.startswith(COMMAND)]

    parsed = [_parser().parse_args(shlex.split(os.path.expandvars(command))) for command in commands]

    assert [(options.project, options.wine) for options in parsed[:1]] == [("wine-local", ["white"])]
    assert parsed[1].with_monitorer is True
    assert len(parsed) == 2
