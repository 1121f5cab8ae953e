"""A local stack that asks who you are."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass

from dev.stack.settings import StackSettings

USER = "ada"


@dataclass(frozen=True)
class LoginSettings(StackSettings):
    """A stack with one administrator and a generated password, in place of the open door of ``make up``."""

    @property
    def password(self) -> str:
        """Return the administrator's password: created once, readable only by its owner."""
        path = self.airflow_home / "passwords.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump({USER: secrets.token_urlsafe(16)}, file)
        return str(json.loads(path.read_text())[USER])

    def environment(self) -> dict[str, str]:
        """Build the environment of every process: who reaches the port must log in."""
        # Airflow would print a password that it made itself.
        assert self.password
        return super().environment() | {
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.airflow_home / "passwords.json"),
        }
