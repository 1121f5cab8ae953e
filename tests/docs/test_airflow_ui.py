"""The page about Airflow's UI and its pictures belong together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "airflow-ui.md"
SHOWN = re.findall(r"!\[(.*)\]\((images/.*)\)", PAGE.read_text())
TAKEN = {
    f"images/airflow-{name}.png"
    for source in (REPOSITORY / "tests" / "ui").glob("test_*.py")
    for name in re.findall(r'picture\("([a-z-]+)"', source.read_text())
}


def test_the_page_shows_every_picture_that_the_browser_takes():
    assert {picture for _, picture in SHOWN} == TAKEN


@pytest.mark.parametrize(("words", "picture"), SHOWN)
def test_a_picture_is_there_small_and_told_in_words(words: str, picture: str):
    size = (PAGE.parent / picture).stat().st_size

    assert 0 < size < 300_000
    assert len(words.split()) > 4
