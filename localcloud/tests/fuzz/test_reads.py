"""BigQuery's Storage Read API accepts any request, or answers with a client error."""

from __future__ import annotations

from random import Random
from typing import Any

import grpc
import pytest
from google.cloud.bigquery_storage_v1 import types
from tests.fuzz import odd, protos
from tests.fuzz.bigquery_requests import seed_bigquery
from tests.fuzz.checks import BUDGET, check_call, search
from tests.fuzz.services import Services

from localcloud.bigquery import METHODS

PATH = "/google.cloud.bigquery.storage.v1.BigQueryRead/"
PARENT = "projects/local-project"
TABLE = f"{PARENT}/datasets/fuzz/tables/wine"
RESTRICTIONS = (
    *("", "integer > 0", "float IS NULL OR `string` = 'x'", "date = CAST('2026-01-01' AS DATE)", "boolean"),
    *(
        "timestamp < CURRENT_TIMESTAMP()",
        "1 IN UNNEST(many)",
        "integer / 0 = 1",
        "SAFE_CAST(string AS INT64) = 1",
    ),
    *("(" * 500, "NOT " * 2000 + "boolean", "ST_EQUALS(a, b)", "'", "/*", "@x = 1", "?", "integer = 1 --"),
)


@pytest.fixture(scope="session")
def reads(services: Services) -> Services:
    """Return the Read API with a table."""
    seed_bigquery(services)
    return services


def session(random: Random) -> Any:
    """Create a request for a session that passes the first checks."""
    request = types.CreateReadSessionRequest(
        parent=PARENT,
        read_session={
            "table": TABLE,
            "data_format": random.choice((2, 2, 2, 1, 0)),
            "read_options": {
                "row_restriction": random.choice(RESTRICTIONS),
                "selected_fields": random.choice(([], ["integer"], ["MANY", "date"], ["integer.x"])),
            },
        },
        max_stream_count=random.choice((0, 1, 5)),
    )
    return types.CreateReadSessionRequest.pb(request)


def stream_of(reads: Services) -> str:
    """Return the name of an existing stream."""
    request = types.CreateReadSessionRequest(
        parent=PARENT, read_session={"table": TABLE, "data_format": types.DataFormat.ARROW}
    )
    body = types.CreateReadSessionRequest.serialize(request)
    answer = reads.call(f"{PATH}CreateReadSession", body, "bigquery")
    assert isinstance(answer, bytes), answer
    return types.ReadSession.deserialize(answer).streams[0].name


def stream_name(random: Random, name: str) -> str:
    """Return the name of a stream, usually of an existing one."""
    if random.random() < 0.7:
        return name
    texts = [text for text in odd.TEXTS if text.isprintable()]
    return random.choice((*texts, name[:-1], f"{name}/x", name.replace("local-project", "x")))


def test_every_method_is_searched() -> None:
    searched = ("CreateReadSession", "ReadRows", "SplitReadStream")
    assert {f"BigQueryRead.{name}" for name in searched} == set(METHODS)


def test_no_session_fails(reads: Services) -> None:
    seed_bigquery(reads)

    def ask(random: Random) -> None:
        message = session(random)
        protos.disturb(random, message)
        body = odd_bytes(random, message)
        check_call(reads.call(f"{PATH}CreateReadSession", body, "bigquery"), message)

    search(ask, times=5 * BUDGET)


def test_no_read_fails(reads: Services) -> None:
    seed_bigquery(reads)
    name = stream_of(reads)

    def ask(random: Random) -> None:
        request = types.ReadRowsRequest(
            read_stream=stream_name(random, name), offset=random.choice((0, 0, 1, 2, -1, 2**63 - 1, -(2**63)))
        )
        message = types.ReadRowsRequest.pb(request)
        protos.disturb(random, message)
        answer = reads.call_for_stream(f"{PATH}ReadRows", odd_bytes(random, message), "bigquery")
        if not isinstance(answer, list):
            check_call(answer, message)

    search(ask)


def test_no_split_fails(reads: Services) -> None:
    seed_bigquery(reads)
    name = stream_of(reads)

    def ask(random: Random) -> None:
        fraction = random.choice((0.5, 0.0, 1.0, -1.0, 1e300, float("nan"), float("inf")))
        request = types.SplitReadStreamRequest(name=stream_name(random, name), fraction=fraction)
        message = types.SplitReadStreamRequest.pb(request)
        protos.disturb(random, message)
        check_call(reads.call(f"{PATH}SplitReadStream", odd_bytes(random, message), "bigquery"), message)

    search(ask)


def test_other_methods_are_refused(reads: Services) -> None:
    for method in ("BigQueryWrite/AppendRows", "BigQueryRead/x", "BigQueryRead/"):
        answer = reads.call(f"/google.cloud.bigquery.storage.v1.{method}", b"\xff", "bigquery")
        assert isinstance(answer, grpc.RpcError)
        assert answer.code() is grpc.StatusCode.UNIMPLEMENTED


def odd_bytes(random: Random, message: Any) -> bytes:
    """Return a message's bytes, sometimes invalid ones."""
    body: bytes = message.SerializeToString()
    return random.choice((b"\xff", body[:-1], body + b"\x0a", b"\x00")) if random.random() < 0.05 else body
