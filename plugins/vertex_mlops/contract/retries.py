"""Transient errors of Google's APIs, and how they are retried."""

from __future__ import annotations

from google.api_core.exceptions import (
    Aborted,
    BadGateway,
    BadRequest,
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
    ConnectionError,
)
# the error has no reason or detail that would tell it from any other of its code
_NO_SERVICE_AGENTS = "Service agents are being provisioned"

# after that a request is given up, so that a dead connection blocks no task
REQUEST_SECONDS = 30.0
# how long a read, or a change that may be sent twice, is tried
READ_RETRY_SECONDS = 60.0
LONGEST_BACKOFF = 300.0
# more doublings than any backoff needs to be the longest
_MOST_DOUBLINGS = 16


def is_transient(error: BaseException) -> bool:
    """Return whether the same call may succeed later: a server or a connection failed, not the request."""
    if isinstance(error, RefreshError):
        # the metadata server's hiccups come wrapped, and lose the mark that they may pass
        return error.retryable or isinstance(error.__cause__, TransportError)
    return isinstance(error, _TRANSIENT)


def lacks_service_agents(error: BaseException) -> bool:
    """
    Return whether Vertex AI is still creating its service agents, at the first use of a project.

    Source: the message as Vertex AI gives it with 400 FAILED_PRECONDITION, in
    https://github.com/GoogleCloudPlatform/generative-ai/issues/1308
    """
    # over REST a failed precondition is any bad request
    return isinstance(error, BadRequest) and _NO_SERVICE_AGENTS in error.message


def transient_retry(seconds: float) -> Retry:
    """
    Return a retry of transient errors, after 1 s at first and up to 30 s later.

    :param seconds: after which to give up and raise RetryError.
    :return: the retry.
    """
    return Retry(predicate=is_transient, initial=1, maximum=30, multiplier=2, timeout=seconds)


def backoff(errors: int, first: float) -> float:
    """
    Return the seconds to wait after some errors in a row: each time twice as long, five minutes at most.

    :param errors: how many there were, from 1.
    :param first: seconds to wait after the first one.
    """
    return min(first * 2.0 ** min(errors - 1, _MOST_DOUBLINGS), LONGEST_BACKOFF)
