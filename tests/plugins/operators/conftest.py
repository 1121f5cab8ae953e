"""Real models behind a real endpoint."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import aiplatform_v1

from localcloud.testing import Cloud, MakeOnce
from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.operators.served_models import (
    CLIENT_OPTIONS,
    Endpoint,
    Models,
    _export,
    _register_all,
    open_endpoint,
)
from tests.plugins.runs.pipelines import compiled, submit

if TYPE_CHECKING:
    from tests.plugins.operators.rollout.rollouts import Rollout


@pytest.fixture(scope="session")
def models(cloud: Cloud, bucket: Any, make_once: MakeOnce) -> Models:
    settings = cloud.settings
    return _register_all(
        settings, bucket, make_once("small-models", lambda folder: _export(settings, folder))
    )


@pytest.fixture
def endpoint(place: dict[str, str], models: Models) -> Iterator[Endpoint]:
    with open_endpoint(place, models) as endpoint:
        yield endpoint


@pytest.fixture
def twin(place: dict[str, str], models: Models) -> Iterator[Endpoint]:
    """Return another endpoint of the same name."""
    with open_endpoint(place, models) as endpoint:
        yield endpoint


@pytest.fixture
def client(cloud: Cloud) -> aiplatform_v1.JobServiceClient:
    """Return the jobs of Vertex AI."""
    return aiplatform_v1.JobServiceClient(client_options=CLIENT_OPTIONS)


@pytest.fixture
def pipeline_job(place: dict[str, str], bucket: Any, models: Models) -> str:
    """Return a pipeline job whose contract holds the instance that all models know."""
    contract = CONTRACT | {"sample_example": models.example}
    return submit(place, bucket.name, compiled(data_contract=contract))


@pytest.fixture
def rollout(place: dict[str, str], models: Models, bucket: Any) -> Iterator[Rollout]:
    """Return a wine that no other test has."""
    from tests.plugins.operators.rollout.rollouts import Rollout, serving

    name = f"wine-{uuid.uuid4().hex[:12]}"
    contract = CONTRACT | {"sample_example": models.example}
    parts = {"data_contract": contract, "serving": serving(name)}
    rollout = Rollout(place, name, parts, f"gs://{bucket.name}/models")
    yield rollout
    rollout.close()
