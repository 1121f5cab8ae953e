"""
Preconditions: on which generation and metageneration of an object a call depends.

Source: https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.errors import ApiError, invalid
from localcloud.storage.catalog import Object

_FIELDS = ("Generation", "Metageneration")


class Conditions:
    """
    What a caller expects of an object.

    :param query: parameters of the query.
    :param kind: beginning of the parameters' names, ``if`` or ``ifSource``.
    :raises ApiError: 400 when one is no number.
    """

    def __init__(self, query: Mapping[str, str] | None = None, kind: str = "if") -> None:
        names = [f"{kind}{field}{ending}" for field in _FIELDS for ending in ("Match", "NotMatch")]
        self.wanted = {name: query[name] for name in names if query and name in query}
        for name, value in self.wanted.items():
            number(name, value)
        given = (query or {}).get("generation" if kind == "if" else "sourceGeneration", "")
        self.generation = number("generation", given) if given else None

    def check(self, bucket: str, name: str, found: Object | None, *, reads: bool = False) -> None:
        """
        Compare an object with what the caller expects; generation 0 stands for one that is not there.

        :param bucket: its bucket.
        :param name: its name.
        :param found: the object, if it is there.
        :param reads: whether the call only reads, so that an unwanted object is no failure but nothing new.
        :raises ApiError: 412, or 304 for a read, when a precondition does not hold.
        """
        for wanted, value in self.wanted.items():
            field = "metageneration" if "Metageneration" in wanted else "generation"
            actual = getattr(found, field) if found else 0
            unwanted = wanted.endswith("NotMatch")
            if (actual == int(value)) == unwanted:
                message = f"gs://{bucket}/{name} has {field} {actual}, so {wanted}={value} does not hold"
                code = 304 if unwanted and reads else 412
                raise ApiError(code, "FAILED_PRECONDITION", message, "conditionNotMet")


def number(name: str, value: object) -> int:
    """
    Read a number of a query or a body.

    :param name: what it is called.
    :param value: what was sent.
    :raises ApiError: 400 when it is none.
    """
    text = str(value)
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise invalid(f"Invalid value for {name}: {text}")
    return int(text)
