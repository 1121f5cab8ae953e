"""
Preconditions, which the storage server itself checks on simple uploads alone.

Source: https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.errors import ApiError, not_served
from localcloud.storage import names
from localcloud.storage.upstream import Upstream

# The storage server ignores these: an answer would be wrong without a word.
IGNORED = (
    "ifMetagenerationMatch",
    "ifMetagenerationNotMatch",
    "ifSourceMetagenerationMatch",
    "ifSourceMetagenerationNotMatch",
)


def refuse_ignored(query: Mapping[str, str]) -> None:
    """
    Refuse the preconditions that could not be kept.

    :param query: parameters of the query.
    :raises ApiError: 501 when there is one.
    """
    for name in IGNORED:
        if name in query:
            raise not_served(f"the parameter {name} of Cloud Storage")


def conditional(query: Mapping[str, str]) -> bool:
    """
    Tell whether a call depends on a generation.

    :param query: parameters of the query.
    """
    return any(name.endswith(("GenerationMatch", "GenerationNotMatch")) for name in query)


async def check(
    upstream: Upstream,
    bucket: str,
    name: str,
    query: Mapping[str, str],
    *,
    kind: str = "if",
    reads: bool = False,
) -> None:
    """
    Compare an object's generation with what the caller expects; 0 stands for an object that is not there.

    :param upstream: the storage server.
    :param bucket: the object's bucket.
    :param name: object name as the client knows it.
    :param query: parameters of the query.
    :param kind: beginning of the parameters' names, ``if`` or ``ifSource``.
    :param reads: whether the call only reads, so that an unwanted object is no failure but nothing new.
    :raises ApiError: 412, or 304 for a read, when the precondition does not hold.
    """
    match = query.get(f"{kind}GenerationMatch")
    no_match = query.get(f"{kind}GenerationNotMatch")
    if match is None and no_match is None:
        return
    path = names.object_path(bucket, name)
    generation = str((await upstream.call("GET", path)).json().get("generation", "0"))
    if match is not None and match != generation:
        raise _failed(412, f"{kind}GenerationMatch={match}", bucket, name, generation)
    if no_match is not None and no_match == generation:
        raise _failed(304 if reads else 412, f"{kind}GenerationNotMatch={no_match}", bucket, name, generation)


def _failed(code: int, condition: str, bucket: str, name: str, generation: str) -> ApiError:
    message = f"gs://{bucket}/{name} has generation {generation}, so {condition} does not hold"
    return ApiError(code, "FAILED_PRECONDITION", message, "conditionNotMet")
