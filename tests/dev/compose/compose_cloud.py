"""localcloud in docker-compose, called from outside."""

from __future__ import annotations

from typing import Any

import requests

from dev.compose.stack import ComposeStack

REQUEST_SECONDS = 60


class Cloud:
    """
    Calls localcloud from outside of the containers, as a client on this machine does.

    :param stack: publishes the gateway's port on loopback.
    :param bundle: file with the certificate of localcloud's authority.
    """

    def __init__(self, stack: ComposeStack, bundle: str) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.proxies = {"https": f"http://127.0.0.1:{stack.cloud_port}"}
        self._session.verify = bundle

    def call(self, method: str, url: str, body: dict[str, Any] | None = None) -> Any:
        """Call one URL of Google Cloud."""
        headers = {"Authorization": "Bearer local"}
        answer = self._session.request(method, url, json=body, headers=headers, timeout=REQUEST_SECONDS)
        assert answer.ok, answer.text
        return answer.json()
