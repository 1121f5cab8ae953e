"""Who serves after a deployment, on a live Airflow."""

from __future__ import annotations

import json

import pytest
from google.cloud import storage

from tests.plugins.contracts import CONTRACT
from tests.plugins.live.conftest import Start
from tests.plugins.live.runs import Runs
from tests.plugins.operators.conftest import Endpoint, Models

DAG_ID = "example_endpoint"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def template_path(runs: Runs, models: Models) -> str:
    """Upload a compiled pipeline whose contract holds the wine that the models know."""
    settings = runs.stack.settings
    spec = {"dataContract": CONTRACT | {"sample_example": models.example}}
    blob = storage.Client(project=settings.cloud.project).bucket(settings.bucket).blob("specs/endpoint.json")
    blob.upload_from_string(json.dumps(spec))
    return f"gs://{settings.bucket}/specs/endpoint.json"


def test_the_example_keeps_a_sound_model_and_sends_the_traffic_of_a_bad_one_back(
    endpoint: Endpoint, start: Start, template_path: str
) -> None:
    def verify(model: str, deployed_model_id: str) -> str:
        run = start(
            DAG_ID,
            model=endpoint.models.names[model],
            endpoint=endpoint.name,
            deployed_model_id=deployed_model_id,
            template_path=template_path,
        )
        state, _ = run.await_end()
        return state

    sound = endpoint.deploy("sound")
    kept = verify("sound", sound)
    bad = endpoint.deploy("impossible")
    rejected = verify("impossible", bad)

    assert (kept, rejected) == ("success", "failed")
    assert endpoint.traffic == {sound: 100}
    assert endpoint.deployed == {sound}
