"""
The globs of ``matchGlob``, matched in time that grows with pattern times name, whatever the pattern.

Source: https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from localcloud.errors import invalid

# The maximum length of a glob is not documented; that of a name is used.
LONGEST_GLOB = 1024
DEEPEST_BRACES = 20

_TOKEN = re.compile(
    r"(?P<folders>(?:\*\*/)+)|(?P<deep>\*\*+)|(?P<star>\*)|(?P<one>\?)|(?P<set>\[[^\]]+\])|(?P<open>\{)"
    r"|(?P<close>\})|(?P<comma>,)|\\(?P<escaped>.)|(?P<plain>.)",
    re.DOTALL,
)


class Name:
    """
    An object's name, as sets of positions; a set is an integer with one bit for each.

    :param text: the name.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.all = (1 << len(text) + 1) - 1
        self.end = 1 << len(text)
        self.slashes = self.where(lambda character: character == "/")
        self._of: dict[str, int] = {}

    def where(self, test: Callable[[str], bool]) -> int:
        """Return the positions of the characters that pass a test."""
        return sum(1 << at for at, character in enumerate(self.text) if test(character))

    def of(self, character: str) -> int:
        """Return the positions of a character."""
        if character not in self._of:
            self._of[character] = self.where(character.__eq__)
        return self._of[character]

    def from_first(self, positions: int) -> int:
        """Return every position from the first of some on."""
        return self.all & -(positions & -positions) if positions else 0


# a step maps the positions at which the previous part may end to those at which it may end itself
Step = Callable[[Name, int], int]


@dataclass
class _Braces:
    """Alternatives, of which the last is still being read."""

    alternatives: list[list[Step]] = field(default_factory=lambda: [[]])

    def step(self) -> Step:
        def chosen(name: Name, positions: int) -> int:
            ends = 0
            for steps in self.alternatives:
                ends |= _walk(steps, name, positions)
            return ends

        return chosen


class Glob:
    """
    A pattern for names of objects.

    ``*`` and ``?`` stop at a slash, ``**`` does not, ``**/`` may stand for nothing; there are ``[abc]``,
    ``[a-c]``, ``[!abc]`` and ``{one,two}``.

    :param text: value of ``matchGlob``.
    :raises ApiError: 400 when it is too long, or its braces do not match.
    """

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST_GLOB:
            raise invalid(f"Invalid matchGlob: {len(text)} characters are more than {LONGEST_GLOB}")
        levels = [_Braces()]
        for token in _TOKEN.finditer(text):
            kind = token.lastgroup or ""
            if kind == "open" and len(levels) <= DEEPEST_BRACES:
                levels.append(_Braces())
            elif kind == "close" and len(levels) > 1:
                closed = levels.pop()
                levels[-1].alternatives[-1].append(closed.step())
            elif kind == "comma" and len(levels) > 1:
                levels[-1].alternatives.append([])
            elif kind in ("open", "close"):
                raise invalid(f"Invalid matchGlob: {text}")
            else:
                levels[-1].alternatives[-1].append(_step(kind, token[kind]))
        if len(levels) > 1:
            raise invalid(f"Invalid matchGlob: {text}")
        self._steps = levels[0].alternatives[0]

    def matches(self, text: str) -> bool:
        """
        Return whether the whole of a name fits.

        :param text: the name.
        """
        name = Name(text)
        return bool(_walk(self._steps, name, 1) & name.end)


def _walk(steps: list[Step], name: Name, positions: int) -> int:
    for step in steps:
        if not positions:
            break
        positions = step(name, positions)
    return positions


def _step(kind: str, text: str) -> Step:
    if kind in _WILDCARDS:
        return _WILDCARDS[kind]
    if kind == "set":
        return _set(text[1:-1])
    return lambda name, positions: (positions & name.of(text)) << 1


def _set(members: str) -> Step:
    negated = members[0] in "!^" and len(members) > 1
    ranges = re.findall(r"(.)-(.)|(.)", members[negated:], re.DOTALL)

    def accepts(character: str) -> bool:
        found = any(
            character == single if single else first <= character <= last for first, last, single in ranges
        )
        return character != "/" and not found if negated else found

    return lambda name, positions: (positions & name.where(accepts)) << 1


def _star(name: Name, positions: int) -> int:
    # an addition carries from each position through the characters after it, up to the next slash
    within = name.all ^ name.slashes ^ name.end
    return positions | ((positions & within) + within ^ within)


_WILDCARDS: dict[str, Step] = {
    "folders": lambda name, positions: positions | (name.from_first(positions) & name.slashes) << 1,
    "deep": Name.from_first,
    "star": _star,
    "one": lambda name, positions: (positions & ~name.slashes & ~name.end) << 1,
}
