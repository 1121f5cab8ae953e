"""The stack that ``make test-compose`` has started; without it these tests are skipped."""

from __future__ import annotations

import pytest

from dev.compose.stack import ComposeStack
from dev.stack.airflow_api import AirflowApi
from tests.dev.compose.compose_cloud import Cloud


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


@pytest.fixture(scope="session")
def cloud(stack: ComposeStack, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """Return a client of localcloud."""
    bundle = tmp_path_factory.mktemp("pki") / "bundle.pem"
    bundle.write_text(stack.run("exec", "-T", "localcloud", "cat", "/var/lib/localcloud-clients/bundle.pem"))
    return Cloud(stack, str(bundle))
