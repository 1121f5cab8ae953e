from __future__ import annotations

import socket
import subprocess

import pytest

from localcloud.config import HOST
from localcloud.environment import client_environment


def test_env_sets_a_shell_up_even_when_nothing_runs(make_cloud):
    cloud = make_cloud()
    before = {"PATH": "/usr/bin:/bin", "STORAGE_EMULATOR_HOST": "http://x", "SSL_CERT_DIR": "/etc/ssl/certs"}

    before["PRINTED"] = cloud.command("env").stdout
    script = 'eval "$PRINTED"; env -0'
    shell = subprocess.run(["sh", "-c", script], env=before, capture_output=True, text=True, check=True)

    variables = dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)
    expected = client_environment(cloud.settings)
    assert {name: variables.get(name) for name in expected} == expected
    assert "STORAGE_EMULATOR_HOST" not in variables
    assert "SSL_CERT_DIR" not in variables
    assert (cloud.settings.pki / "bundle.pem").exists()


def test_status_says_that_nothing_runs(make_cloud):
    done = make_cloud().command("status")

    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert "is not running" in done.stdout


def test_status_says_that_something_else_answers(make_cloud):
    cloud = make_cloud()
    with socket.create_server((HOST, cloud.settings.port)):
        done = cloud.command("status")

    assert done.returncode == 1
    assert "does not answer" in done.stdout


def test_status_says_that_it_serves(cloud):
    done = cloud.command("status")

    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert f"SERVING wine-local at http://{HOST}:{cloud.settings.port}" in done.stdout


def test_a_taken_port_is_named_with_the_variable_that_moves_it(make_cloud):
    cloud = make_cloud()
    with socket.create_server((HOST, cloud.settings.port)):
        done = cloud.command("up")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"port {cloud.settings.port}" in done.stderr
    assert "LOCALCLOUD_PORT" in done.stderr


def test_a_state_folder_in_use_is_named_with_who_uses_it(cloud, make_cloud):
    other = make_cloud()
    other.settings = type(other.settings)(state=cloud.settings.state, port=other.settings.port)

    done = other.command("up")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(cloud.settings.state) in done.stderr
    assert f"pid {cloud.process.pid}" in done.stderr


@pytest.mark.parametrize("port", ["none", "0", "70000"])
def test_a_port_that_is_none_is_refused_in_one_line(make_cloud, monkeypatch, port):
    cloud = make_cloud()
    object.__setattr__(cloud.settings, "port", port)

    done = cloud.command("status")

    assert done.returncode == 2
    assert done.stderr == f"localcloud: LOCALCLOUD_PORT must be a port from 1 to 65535, not {port}\n"


@pytest.mark.parametrize("delay", ["late", "-1"])
def test_a_delay_that_is_none_is_refused_in_one_line(make_cloud, delay):
    cloud = make_cloud()
    object.__setattr__(cloud.settings, "metric_delay", delay)

    done = cloud.command("status")

    assert done.returncode == 2
    assert done.stderr == f"localcloud: LOCALCLOUD_METRIC_DELAY must be seconds, 0 or more, not {delay}\n"
