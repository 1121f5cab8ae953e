"""Airflow's API is asked again when that is safe, and its silence is one error."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dev.stack.airflow_api import AirflowApi, AirflowApiError
from localcloud.testing import eventually, free_port


class Server(ThreadingHTTPServer):
    """An API server that answers with an error as often as it is told, then well."""

    failures = 0
    error: tuple[int, dict[str, Any]] = (503, {"detail": "database is locked"})

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path = self.path
        if path == "/auth/token":
            self._answer(201, {"access_token": "token"})
            return
        self.server.requests.append(f"{self.command} {path}")
        if len(self.server.requests) <= self.server.failures:
            self._answer(*self.server.error)
        else:
            self._answer(200, {"state": "success", "dag_run_id": "run"})

    do_POST = do_GET  # noqa: N815

    def _answer(self, code: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def api(server: Server) -> AirflowApi:
    return AirflowApi(f"http://127.0.0.1:{server.server_port}")


def test_a_read_that_fails_once_is_asked_again(server: Server, api: AirflowApi):
    server.failures = 1

    assert api.run("dag", "run")["state"] == "success"

    assert server.requests == ["GET /api/v2/dags/dag/dagRuns/run"] * 2


def test_a_trigger_that_fails_is_not_sent_twice(server: Server, api: AirflowApi):
    server.failures = 1

    with pytest.raises(AirflowApiError, match=r"POST /api/v2/dags/dag/dagRuns: 503 .*database is locked"):
        api.trigger("dag")

    assert len(server.requests) == 1


def test_a_trigger_that_airflow_has_rolled_back_is_sent_again(server: Server, api: AirflowApi):
    server.failures = 1
    server.error = (500, {"detail": {"reason": "Database error", "statement": "hidden"}})

    assert api.trigger("dag") == "run"

    assert server.requests == ["POST /api/v2/dags/dag/dagRuns"] * 2


@pytest.mark.parametrize("detail", ["Internal Server Error", {"reason": "Unique constraint violation"}, None])
def test_a_trigger_that_may_have_been_done_is_not_sent_twice(server: Server, api: AirflowApi, detail: Any):
    server.failures = 1
    server.error = (500, {"detail": detail})

    with pytest.raises(AirflowApiError, match="POST /api/v2/dags/dag/dagRuns: 500 "):
        api.trigger("dag")

    assert len(server.requests) == 1


def test_a_database_that_stays_locked_is_an_error(server: Server, api: AirflowApi):
    server.failures = 100
    server.error = (500, {"detail": {"reason": "Database error", "statement": "hidden"}})

    with pytest.raises(AirflowApiError, match=r"POST /api/v2/dags/dag/dagRuns: 500 .*Database error"):
        api.trigger("dag")

    assert len(server.requests) == 3


def test_a_read_that_keeps_failing_ends_as_one_error_with_the_answer(server: Server, api: AirflowApi):
    server.failures = 100

    with pytest.raises(AirflowApiError, match=r"GET .*: 503 .*database is locked"):
        api.run("dag", "run")


def test_silence_is_an_error_of_the_api():
    api = AirflowApi(f"http://127.0.0.1:{free_port()}")

    assert api.unhealthy_components() == ["api_server"]
    with pytest.raises(AirflowApiError, match=r"GET /auth/token"):
        api.trigger("dag")


def test_the_api_of_the_tasks_gets_its_first_request_in_the_background(server: Server) -> None:
    AirflowApi(f"http://127.0.0.1:{server.server_port}").warm_up()

    eventually(lambda: server.requests, lambda seen: seen == ["GET /execution/health"])
