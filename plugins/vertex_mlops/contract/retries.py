"""Which errors of Google's APIs say nothing about what was asked for, and how they are met."""

from __future__ import annotations

from google.api_core.exceptions import (
    Aborted,
    BadGateway,
    Cancelled,
    GatewayTimeout,
    InternalServerError,
    RetryError,
    ServiceUnavailable,
    TooManyRequests,
    Unknown,
)
from google.api_core.retry import Retry
from google.auth.exceptions import RefreshError, TransportError
from requests.exceptions import ChunkedEncodingError, Timeout
from requests.exceptions import ConnectionError as RequestsConnectionError

# google.api_core.retry.if_transient_error leaves out an answer that came too late, or broke off halfway
_TRANSIENT = (
    Aborted,
    BadGateway,
    Cancelled,
    GatewayTimeout,
    InternalServerError,
    RetryError,
    ServiceUnavailable,
    TooManyRequests,
    Unknown,
    TransportError,
    ChunkedEncodingError,
    RequestsConnectionError,
    Timeout,
)

# after that a request is given up, so that a dead connection blocks no task
REQUEST_SECONDS = 30.0
# how long a read, or a change that may be sent twice, is tried
PATIENCE_SECONDS = 60.0
LONGEST_BACKOFF = 300.0
# more doublings than any backoff needs to be the longest
_MOST_DOUBLINGS = 16


def is_transient(error: BaseException) -> bool:
    """Tell whether the same call may succeed later: a server or a connection failed, not the request."""
    if isinstance(error, RefreshError):
        # the metadata server's hiccups come wrapped, and lose the mark that they may pass
        return error.retryable or isinstance(error.__cause__, TransportError)
    return isinstance(error, _TRANSIENT)


def patiently(seconds: float) -> Retry:
    """
    Retry what is transient, after 1 s at first and 30 s at last.

    :param seconds: after which to give up and raise RetryError.
    """
    return Retry(predicate=is_transient, initial=1, maximum=30, multiplier=2, timeout=seconds)


def backoff(errors: int, first: float) -> float:
    """
    Seconds to wait after some errors in a row: each time twice as long, five minutes at most.

    :param errors: how many there were, from 1.
    :param first: seconds to wait after the first one.
    """
    return min(first * 2.0 ** min(errors - 1, _MOST_DOUBLINGS), LONGEST_BACKOFF)
