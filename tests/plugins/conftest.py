"""A real Google Cloud on this machine, and what an operator finds around it when Airflow runs it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from localcloud.gateway.faults import Faults
from localcloud.testing import Cloud
from tests.support.airflow_environment import isolate_airflow
from tests.support.task_context import REGION, Upload

isolate_airflow()

# on a busy machine an example may take any time
hypothesis_settings.register_profile(
    "no-deadline", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("no-deadline")


@pytest.fixture(scope="session")
def place(cloud: Cloud) -> dict[str, str]:
    """Return the arguments that tell an operator where Vertex AI is."""
    return {"project_id": cloud.settings.project, "region": REGION}


@pytest.fixture
def faults(cloud: Cloud) -> Iterator[Faults]:
    """Return the switch of what goes wrong; nothing does after the test."""
    switch = Faults(cloud.settings.state)
    yield switch
    switch.clear()


@pytest.fixture(scope="session")
def bucket(cloud: Cloud) -> Any:
    from google.cloud import storage

    return storage.Client(project=cloud.settings.project).create_bucket("plugins", location="EU")


@pytest.fixture
def upload(bucket: Any) -> Upload:
    """Upload a compiled pipeline file to the bucket and return its URI."""

    def put(content: dict[str, Any]) -> str:
        blob = bucket.blob(f"specs/{uuid.uuid4()}.json")
        blob.upload_from_string(json.dumps(content))
        return f"gs://{bucket.name}/{blob.name}"

    return put
