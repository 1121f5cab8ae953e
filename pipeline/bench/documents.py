"""Documents with measured tables between two marks."""

from __future__ import annotations

from pathlib import Path


def write_between(document: Path, begin: str, end: str, text: str) -> None:
    """
    Replace the text between two marks.

    :param document: Markdown.
    :param begin: the first mark, which stays.
    :param end: the second one.
    :param text: to put between them.
    """
    before, _, rest = document.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    document.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
