"""A headless browser, and resources to show in it."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any

import pytest
from tests.console.pages import Answer, Browse, Jobs
from tests.vertex.conftest import (  # noqa: F401
    bucket,
    clients,
    deploy,
    new_endpoint,
    new_model,
    parent,
    serving,
    wine,
)
from tests.vertex.monitoring.conftest import (  # noqa: F401
    draw,
    exported,
    monitor,
    white_wines,
)

from localcloud.config import HOST
from localcloud.testing import Cloud

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="session")
def browse(cloud: Cloud) -> Browse:
    """Request a page from the gateway's port, as a browser does."""

    def ask(path: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection(HOST, cloud.settings.port, timeout=60)
        connection.request(method, path, headers={"Accept": "text/html", **headers})
        answer = connection.getresponse()
        found = Answer(answer.status, dict(answer.getheaders()), answer.read().decode())
        connection.close()
        return found

    return ask


@pytest.fixture(scope="session")
def jobs(parent: str, bucket: Any, pipeline_python: Path) -> Jobs:  # noqa: F811
    return Jobs(parent)
