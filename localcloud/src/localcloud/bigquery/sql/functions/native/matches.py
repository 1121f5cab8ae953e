"""Matches of regular expressions that match no text too, which DuckDB counts differently."""

from __future__ import annotations

import re
from functools import cache

_WHITE = r"\t\n\f\r "
# what Python's regular expressions and RE2's have in common, and what is written differently
_PART = re.compile(
    r"\\(?:(?P<escape>[dDwWsSbBAz]|[^A-Za-z0-9])|.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|[^\\\[]", re.DOTALL
)
_WRITTEN = {r"\s": f"[{_WHITE}]", r"\S": f"[^{_WHITE}]", r"\z": r"\Z", "$": r"\Z"}


def to_python(pattern: str) -> str | None:
    """Return a pattern of RE2 as Python writes it; None where the two may differ."""
    parts = []
    end = 0
    for match in _PART.finditer(pattern):
        part, end = match[0], match.end()
        if part.startswith("\\") and match["escape"] is None:
            return None
        if match["set"]:
            if re.search(r"\\[^dDwWs\W]|\[:|\\S", part[1:]):
                return None
            part = part.replace(r"\s", _WHITE)
        parts.append(_WRITTEN.get(part, part))
    written = "".join(parts)
    try:
        re.compile(written, re.ASCII)
    except re.error:
        return None
    differs = end != len(pattern) or re.search(r"\(\?(?!:|P<)|[*+?}][+]|\)[*+{]|{,", written)
    return None if differs else written


def may_be_empty(pattern: str) -> bool:
    """Return whether a pattern may match no text; so may what Python cannot read."""
    readable = re.sub(r"\\[pP](?:\{\^?\w+\}|\w)|\\C", "x", pattern).replace(r"\z", r"\Z")
    try:
        return not re._parser.parse(readable).getwidth()[0]  # type: ignore[attr-defined]
    except (re.error, OverflowError):
        return True


def matches(value: str | None, pattern: str, group: int) -> list[str | None] | None:
    """
    Return all matches, or what a group of them has matched.

    Source: ExtractAllIterator in https://github.com/google/zetasql/blob/master/zetasql/public/functions/regexp.cc

    :param pattern: as Python writes it.
    """
    if value is None:
        return None
    found: list[str | None] = []
    place = 0
    while True:
        match = _compiled(pattern).search(value, place)
        if match is None:
            return found
        found.append(match[group])
        place = match.end() + (not match[0])
        if place >= len(value):
            return found


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)
