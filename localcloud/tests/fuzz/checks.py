"""Checks of every response, and the number of requests."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from random import Random
from typing import Any

import grpc
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from tests.fuzz.services import Answer

# requests for each route; more with make fuzz
BUDGET = int(os.environ.get("FUZZ_REQUESTS", "10"))
NOT_SERVED = 501
# not modified, resume incomplete, cancelled upload: they have no body
_WITHOUT_BODY = (304, 308, 499)
_OURS = (
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)


def search(ask: Callable[[Random], None], times: int = BUDGET) -> None:
    """Send the same requests in every run, within the budget; report a failure in its smallest form."""
    run = settings(
        max_examples=times,
        derandomize=True,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    run(given(st.randoms(use_true_random=False))(ask))()


def check(answer: Answer, *request: Any) -> None:
    """Check that a response is a success, or a client error in Google's format."""
    note(f"{request} -> {answer.status} {answer.body[:500]!r}")
    assert answer.status < 500 or answer.status == NOT_SERVED
    if answer.status >= 400 and answer.status not in _WITHOUT_BODY:
        error = json.loads(answer.body)["error"]
        assert error["code"] == answer.status
        assert error["message"]
        assert error["status"] in grpc.StatusCode.__members__


def check_call(answer: grpc.RpcError | bytes, *request: Any) -> None:
    """Check the response of a gRPC call in the same way."""
    if isinstance(answer, grpc.RpcError):
        note(f"{request} -> {answer.code()} {answer.details()}")
        assert answer.code() not in _OURS
        assert answer.details()
