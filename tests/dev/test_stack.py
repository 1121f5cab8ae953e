"""A stack that cannot start says why, in one line, and leaves nothing behind."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from dev.progress import Progress
from dev.settings import StackSettings
from dev.stack import Stack, StackError


@pytest.mark.parametrize(
    ("field", "variable"), [("airflow_port", "WINE_AIRFLOW_PORT"), ("cloud_port", "LOCALCLOUD_PORT")]
)
def test_a_taken_port_is_named_with_the_variable_that_moves_it(tmp_path: Path, field: str, variable: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = {"airflow_port": free_port(), "cloud_port": free_port(), field: port}
        stack = Stack(StackSettings(root=tmp_path, **ports), Progress(total=1))

        with pytest.raises(StackError, match=rf"port {port} is taken.*{variable}"):
            stack.start()

    assert stack.stop() == 0


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path):
    settings = StackSettings(root=tmp_path)

    first, second = settings.environment(), settings.environment()

    assert first["AIRFLOW__API_AUTH__JWT_SECRET"] == second["AIRFLOW__API_AUTH__JWT_SECRET"]
    assert (settings.airflow_home / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_airflow_settings_of_the_user_do_not_leak_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "theirs")

    environment = StackSettings(root=tmp_path).environment()

    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert "AIRFLOW__CORE__FERNET_KEY" not in environment


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
