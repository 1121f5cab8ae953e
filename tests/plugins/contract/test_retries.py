"""Which errors are met by another try, and how long after."""

from __future__ import annotations

import pytest
import requests
from google.api_core import exceptions
from google.auth.compute_engine import Credentials
from google.auth.exceptions import RefreshError, TransportError
from hypothesis import given
from hypothesis import strategies as st
from vertex_mlops.contract.retries import LONGEST_BACKOFF, backoff, is_transient, transient_retry


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ServiceUnavailable("the connection was reset"),
        exceptions.DeadlineExceeded("too late"),
        exceptions.InternalServerError("oops"),
        exceptions.Unknown("stream removed"),
        exceptions.ResourceExhausted("slow down"),
        exceptions.RetryError("gave up", exceptions.ServiceUnavailable("again")),
        TransportError("no metadata server"),
        RefreshError("the token endpoint is busy", retryable=True),
        requests.ConnectionError("reset"),
        ConnectionResetError("reset"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_trouble_of_servers_and_connections_may_pass(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.AlreadyExists("there"),
        exceptions.FailedPrecondition("not now"),
        exceptions.InvalidArgument("what?"),
        exceptions.MethodNotImplemented("never"),
        exceptions.NotFound("gone"),
        exceptions.PermissionDenied("no"),
        RefreshError("revoked"),
        ValueError("bad spec"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_request_itself_is_to_blame_for_does_not_pass(error: Exception) -> None:
    assert not is_transient(error)


def test_a_metadata_server_that_cannot_be_reached_may_be_there_again() -> None:
    def unreachable(**_: object) -> None:
        raise TransportError("the metadata server is busy")

    with pytest.raises(RefreshError) as error:
        Credentials(quota_project_id="wine-local").refresh(unreachable)

    assert is_transient(error.value)


@given(st.integers(1, 10**6), st.integers(1, 300))
def test_a_pause_doubles_until_it_is_the_longest(errors: int, first: int) -> None:
    pause, next_pause = backoff(errors, first), backoff(errors + 1, first)

    assert first <= pause <= LONGEST_BACKOFF
    assert next_pause == min(2 * pause, LONGEST_BACKOFF)


def test_patience_ends() -> None:
    def fail() -> None:
        raise exceptions.ServiceUnavailable("down")

    with pytest.raises(exceptions.RetryError):
        transient_retry(0.1)(fail)()
