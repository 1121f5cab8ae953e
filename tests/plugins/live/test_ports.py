"""A page in the user's browser gets nothing from a port of the stack, under any host name or origin."""

from __future__ import annotations

import http.client

import psutil
import pytest

from dev.stack.airflow_api import HEALTH
from tests.plugins.live.runs import Runs

pytestmark = pytest.mark.e2e

FOREIGN = "rebound.example"
ANSWER_SECONDS = 10
# what would give something away on a port that answers
PATHS = ["/", "/auth/token", HEALTH, "/storage/v1/b", "/v1/projects", "/_internal/config"]


def _listening(runs: Runs) -> set[tuple[str, int]]:
    leaders = runs.stack.processes.running().values()
    processes = [process for leader in leaders for process in (leader, *leader.children(recursive=True))]
    found = set()
    for process in processes:
        try:
            connections = process.net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        listening = [one.laddr for one in connections if one.status == psutil.CONN_LISTEN]
        # gRPC listens on an IPv6 socket that takes IPv4
        found |= {(address.ip.removeprefix("::ffff:"), address.port) for address in listening}
    return found


def _http_ports(runs: Runs) -> set[int]:
    """Return the ports that answer HTTP/1.1; without TLS a browser speaks nothing else."""
    settings = runs.stack.settings
    return {settings.airflow_port, settings.cloud_port}


def _ask(
    port: int, path: str, headers: dict[str, str], method: str = "GET"
) -> http.client.HTTPResponse | None:
    """Send one request; None if what listens there does not speak HTTP/1.1."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        response.read()
        return response
    except (http.client.HTTPException, OSError):
        return None
    finally:
        connection.close()


def test_every_port_is_on_loopback(runs):
    ports = _listening(runs)
    settings = runs.stack.settings

    assert {settings.airflow_port, settings.cloud_port} <= {port for _, port in ports}
    assert {address for address, _ in ports} <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("path", PATHS)
def test_no_port_answers_under_the_name_of_another_host(runs, path):
    for _, port in sorted(_listening(runs)):
        response = _ask(port, path, {"Host": f"{FOREIGN}:{port}"})

        assert (response is not None) == (port in _http_ports(runs)), (port, path)
        assert response is None or response.status in (400, 403), (port, path, response.status)


@pytest.mark.parametrize("origin", [f"http://{FOREIGN}", "null"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_port_lets_a_page_of_another_origin_read_or_write(runs, method, origin):
    for _, port in sorted(_listening(runs)):
        for path in PATHS:
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            response = _ask(port, path, headers, method)

            assert (response is not None) == (port in _http_ports(runs)), (port, path)
            # without this header the browser does not show the page what a GET returns
            assert response is None or response.getheader("Access-Control-Allow-Origin") is None, (port, path)
            assert response is None or method == "GET" or response.status >= 400, (port, path)


def test_the_ui_still_answers_this_machine(runs):
    port = runs.stack.settings.airflow_port

    for host in ("127.0.0.1", "localhost"):
        headers = {"Host": f"{host}:{port}", "Origin": f"http://{host}:{port}"}
        response = _ask(port, HEALTH, headers)

        assert response is not None
        assert response.status == 200
