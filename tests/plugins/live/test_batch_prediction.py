"""Batch prediction with the champion, on a live Airflow."""

from __future__ import annotations

import pytest
from google.cloud import aiplatform_v1, bigquery
from vertex_mlops.contract.names import CHAMPION_ALIAS

from tests.plugins.live.example_settings import Start
from tests.plugins.live.runs import Runs
from tests.plugins.operators.served_models import CLIENT_OPTIONS, SERVING_IMAGE, Models

DAG_ID = "example_batch_prediction"
DATASET = "example_predictions"

pytestmark = pytest.mark.timeout(600)


def test_the_example_stores_the_champions_grade_of_each_row(runs: Runs, models: Models, start: Start) -> None:
    settings = runs.stack.settings
    registry = aiplatform_v1.ModelServiceClient(client_options=CLIENT_OPTIONS)
    # the one whose serving_default takes named features
    artifacts = registry.get_model(name=models.names["named"]).artifact_uri
    registry.upload_model(
        request={
            "parent": registry.common_location_path(settings.cloud.project, settings.region),
            "model": {
                "display_name": "wine-batch",
                "artifact_uri": artifacts,
                "container_spec": {"image_uri": SERVING_IMAGE},
                "version_aliases": [CHAMPION_ALIAS],
            },
            "model_id": "wine-batch",
        }
    ).result()
    client = bigquery.Client(project=settings.cloud.project)
    dataset = bigquery.Dataset(f"{client.project}.{DATASET}")
    dataset.location = settings.region
    client.create_dataset(dataset)
    client.query_and_wait(
        f"CREATE TABLE {DATASET}.wines AS"
        " SELECT 1 AS id, 3.5 AS ph, 13.8 AS alcohol, 6 AS quality UNION ALL SELECT 2, 3.0, 9.0, NULL"
    )

    run = start(DAG_ID)

    assert run.wait_for_end() == ("success", dict.fromkeys(("prepare", "predict", "store"), "success"))
    assert (run.xcom("predict")["predicted"], run.xcom("predict")["failed"]) == (2, 0)
    rows = [tuple(row) for row in client.query_and_wait(f"SELECT * FROM {DATASET}.grades ORDER BY id")]
    assert rows == [(1, 6, 6.5), (2, None, 6.5)]
