"""The stack that ``make test-compose`` has started; without it these tests are skipped."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from dev.airflow_api import AirflowApi
from dev.compose_stack import ComposeStack

REQUEST_SECONDS = 60


@pytest.fixture(scope="session")
def stack() -> ComposeStack:
    """Return the running stack."""
    found = ComposeStack.from_environment()
    if found is None:
        pytest.skip("needs Docker and minutes: make test-compose runs it")
    return found


@pytest.fixture(scope="session")
def airflow(stack: ComposeStack) -> AirflowApi:
    """Log in as the admin whose password `make compose-init` has made."""
    api = AirflowApi(f"http://127.0.0.1:{stack.airflow_port}")
    api.log_in("admin", stack.secrets["AIRFLOW_ADMIN_PASSWORD"])
    return api


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


@pytest.fixture(scope="session")
def cloud(stack: ComposeStack, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """Return a client of localcloud."""
    bundle = tmp_path_factory.mktemp("pki") / "bundle.pem"
    bundle.write_text(stack.run("exec", "-T", "localcloud", "cat", "/var/lib/localcloud-clients/bundle.pem"))
    return Cloud(stack, str(bundle))
