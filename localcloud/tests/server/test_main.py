from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from localcloud.clients.environment import client_environment, command_environment
from localcloud.config import HOST


def test_env_sets_a_shell_up_even_when_nothing_runs(make_localcloud):
    cloud = make_localcloud()
    before = {"PATH": "/usr/bin:/bin", "STORAGE_EMULATOR_HOST": "http://x", "SSL_CERT_DIR": "/etc/ssl/certs"}

    before["PRINTED"] = cloud.command("env").stdout
    script = 'eval "$PRINTED"; env -0'
    shell = subprocess.run(["sh", "-c", script], env=before, capture_output=True, text=True, check=True)

    variables = dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)
    expected = client_environment(cloud.settings) | command_environment(cloud.settings)
    assert {name: variables.get(name) for name in expected} == expected
    assert "STORAGE_EMULATOR_HOST" not in variables
    assert "SSL_CERT_DIR" not in variables
    assert (cloud.settings.pki / "bundle.pem").exists()


def test_a_command_that_only_asks_loads_no_service():
    # each of them takes seconds to import
    heavy = (
        "localcloud.vertex",
        "localcloud.bigquery",
        "google.cloud.aiplatform_v1",
        "duckdb",
        "grpc",
        "pyarrow",
    )
    program = f"import sys, localcloud.__main__; print([name for name in {heavy!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_status_says_that_nothing_runs(make_localcloud):
    done = make_localcloud().command("status")

    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert "is not running" in done.stdout


def test_status_says_that_something_else_answers(make_localcloud):
    cloud = make_localcloud()
    with socket.create_server((HOST, cloud.settings.port)):
        done = cloud.command("status")

    assert done.returncode == 1
    assert "does not answer" in done.stdout


def test_status_says_that_it_serves(cloud):
    done = cloud.command("status")

    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert f"SERVING local-project at http://{HOST}:{cloud.settings.port}" in done.stdout


def test_a_taken_port_is_named_with_the_variable_that_moves_it(make_localcloud):
    cloud = make_localcloud()
    with socket.create_server((HOST, cloud.settings.port)):
        done = cloud.command("up")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"port {cloud.settings.port}" in done.stderr
    assert "LOCALCLOUD_PORT" in done.stderr


def test_a_state_folder_in_use_is_named_with_who_uses_it(cloud, make_localcloud):
    other = make_localcloud()
    other.settings = type(other.settings)(state=cloud.settings.state, port=other.settings.port)

    done = other.command("up")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(cloud.settings.state) in done.stderr
    assert f"pid {cloud.process.pid}" in done.stderr


@pytest.mark.parametrize("port", ["none", "0", "70000"])
def test_a_port_that_is_none_is_refused_in_one_line(make_localcloud, monkeypatch, port):
    cloud = make_localcloud()
    object.__setattr__(cloud.settings, "port", port)

    done = cloud.command("status")

    assert done.returncode == 2
    assert done.stderr == f"localcloud: LOCALCLOUD_PORT must be a port from 1 to 65535, not {port}\n"


@pytest.mark.parametrize("delay", ["late", "-1"])
@pytest.mark.parametrize("setting", ["metric_delay", "monitoring_delay"])
def test_a_delay_that_is_none_is_refused_in_one_line(make_localcloud, setting, delay):
    cloud = make_localcloud()
    object.__setattr__(cloud.settings, setting, delay)

    done = cloud.command("status")

    assert done.returncode == 2
    assert (
        done.stderr == f"localcloud: LOCALCLOUD_{setting.upper()} must be seconds, 0 or more, not {delay}\n"
    )
