"""What a stack's processes are told, and what they are not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dev.stack.settings import LOCAL, REPOSITORY, StackSettings
from localcloud.clients.environment import client_environment, command_environment
from localcloud.config import SettingsError


@pytest.mark.parametrize("value", ["abc", "0", "65536", ""])
@pytest.mark.parametrize("variable", ["WINE_AIRFLOW_PORT", "LOCALCLOUD_PORT"])
def test_a_port_that_is_none_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
):
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError, match=f"{variable} must be a port from 1 to 65535, not {value}"):
        StackSettings(root=tmp_path)


def test_a_shell_that_takes_over_make_env_is_led_to_the_stack_of_make_up(monkeypatch: pytest.MonkeyPatch):
    for name in ("LOCALCLOUD_STATE", "LOCALCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    shell = 'eval "$(make -s env)"; env -0'
    done = subprocess.run(["sh", "-c", shell], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    variables = dict(line.split("=", 1) for line in done.stdout.split("\0") if line)
    stack = StackSettings(root=LOCAL / "up").cloud
    expected = client_environment(stack) | command_environment(stack)
    assert {name: variables.get(name) for name in expected} == expected


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
