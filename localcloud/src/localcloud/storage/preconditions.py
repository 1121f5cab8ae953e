"""
Preconditions: on which generation, metageneration and ETag a call depends.

Source: https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.errors import ApiError, invalid, not_served
from localcloud.storage.catalog import Bucket, Object

_FIELDS = ("Generation", "Metageneration")


class Conditions:
    """
    What a caller expects of an object.

    :param query: parameters of the query.
    :param kind: beginning of the parameters' names, ``if`` or ``ifSource``.
    :raises ApiError: 400 when one is not a number.
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
        :param reads: whether the call only reads, so that a mismatch means that nothing is new.
        :raises ApiError: 412, or 304 for a read, when a precondition does not hold.
        """
        for wanted, value in self.wanted.items():
            field = "metageneration" if "Metageneration" in wanted else "generation"
            actual = getattr(found, field) if found else 0
            unwanted = wanted.endswith("NotMatch")
            if (actual == int(value)) == unwanted:
                message = f"gs://{bucket}/{name} has {field} {actual}, so {wanted}={value} does not hold"
                raise _not_met(message, is_known=unwanted and reads)

    def check_bucket(self, found: Bucket, *, reads: bool = False) -> None:
        """
        Compare a bucket with what the caller expects; a bucket has a metageneration alone.

        :param found: the bucket.
        :param reads: whether the call only reads.
        :raises ApiError: 412, or 304 for a read, when a precondition does not hold; 501 for a generation.
        """
        for wanted, value in self.wanted.items():
            if "Metageneration" not in wanted:
                raise not_served(f"the parameter {wanted} of a bucket")
            unwanted = wanted.endswith("NotMatch")
            if (found.metageneration == int(value)) == unwanted:
                message = (
                    f"gs://{found.name} has metageneration {found.metageneration}, "
                    f"so {wanted}={value} does not hold"
                )
                raise _not_met(message, is_known=unwanted and reads)


def check_etag(headers: Mapping[str, str], etag: str, resource: str) -> None:
    """
    Compare the ETag of a resource that is read with the headers ``If-Match`` and ``If-None-Match``.

    .. seealso:: ``_add_etag_match_headers`` in google/cloud/storage/_helpers.py, which sends ETags without
        quotation marks, and https://www.rfc-editor.org/rfc/rfc9110#section-13.1

    :param headers: of the request.
    :param etag: of the resource.
    :param resource: its gs:// URI.
    :raises ApiError: 412 when ``If-Match`` does not hold, 304 when ``If-None-Match`` does not.
    """
    for header, unwanted in (("If-Match", False), ("If-None-Match", True)):
        if header not in headers:
            continue
        listed = [each.strip().removeprefix("W/").strip('"') for each in headers[header].split(",")]
        if ("*" in listed or etag in listed) == unwanted:
            message = f"{resource} has the ETag {etag}, so {header}: {headers[header]} does not hold"
            raise _not_met(message, is_known=unwanted)


def _not_met(message: str, *, is_known: bool) -> ApiError:
    """
    Return the error of a precondition that does not hold.

    :param message: which one.
    :param is_known: whether the caller reads what it has already.
    """
    return ApiError(304 if is_known else 412, "FAILED_PRECONDITION", message, "conditionNotMet")


def number(name: str, value: object) -> int:
    """
    Read a number of a query or a body.

    :param name: what it is called.
    :param value: what was sent.
    :raises ApiError: 400 when it is not a number.
    """
    text = str(value)
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise invalid(f"Invalid value for {name}: {text}")
    return int(text)
