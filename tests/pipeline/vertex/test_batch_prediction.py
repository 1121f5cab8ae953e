"""A trained model predicts a table in one batch, by the queries of docs/predict.md."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from google.cloud import aiplatform_v1, bigquery, storage
from wine_pipeline.config import ServingConfig, Target
from wine_pipeline.features import FEATURE_NAMES, QUALITY
from wine_pipeline.vertex.served_model import ServedModel
from wine_pipeline.vertex.serving import build_container_spec

from localcloud.testing import Cloud, eventually
from tests.pipeline import stages
from tests.pipeline.wine_examples import REPOSITORY, Artifacts, Row

REGION = "europe-west1"
BUCKET = "batch-prediction"
DATASET = "wine_predictions"
OPTIONS = {"api_endpoint": f"{REGION}-aiplatform.googleapis.com"}
SQL = re.findall(r"^```sql\n(.*?)^```$", (REPOSITORY / "docs" / "predict.md").read_text(), re.M | re.S)


@pytest.fixture(scope="module")
def exported(artifacts: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that takes features when a request names no signature."""
    folder = tmp_path_factory.mktemp("raw")
    stages.train(artifacts.transformed, artifacts.transform_graph, folder, {}, "serving_raw")
    return folder / "Format-Serving"


def register(exported: Path, project: str) -> str:
    """Upload the model as the champion of the white wines, and return its name."""
    bucket = storage.Client(project=project).create_bucket(BUCKET)
    for path in exported.rglob("*"):
        if path.is_file():
            bucket.blob(f"model/{path.relative_to(exported)}").upload_from_filename(path)
    registry = aiplatform_v1.ModelServiceClient(client_options=OPTIONS)
    model = {
        "display_name": "wine-white",
        "artifact_uri": f"gs://{BUCKET}/model",
        "container_spec": build_container_spec(ServingConfig(), Target(project, REGION, BUCKET)),
        "version_aliases": ["champion"],
    }
    parent = registry.common_location_path(project, REGION)
    request = {"parent": parent, "model": model, "model_id": "wine-white"}
    return str(registry.upload_model(request).result().model)


def load(client: bigquery.Client, rows: list[Row]) -> None:
    """Load the wines with an id each."""
    dataset = bigquery.Dataset(f"{client.project}.{DATASET}")
    dataset.location = REGION
    client.create_dataset(dataset)
    schema = [bigquery.SchemaField(name, "FLOAT64") for name in FEATURE_NAMES]
    schema += [bigquery.SchemaField(name, "INT64") for name in ("id", QUALITY)]
    wanted = [field.name for field in schema]
    numbered = [{name: (row | {"id": id_})[name] for name in wanted} for id_, row in enumerate(rows)]
    config = bigquery.LoadJobConfig(schema=schema)
    client.load_table_from_json(numbered, f"{DATASET}.wines", job_config=config).result()


def predict(model: str, project: str) -> aiplatform_v1.BatchPredictionJob:
    """Run the job as RunBatchPredictionJobOnceOperator creates it."""
    jobs = aiplatform_v1.JobServiceClient(client_options=OPTIONS)
    dataset = f"bq://{project}.{DATASET}"
    job = jobs.create_batch_prediction_job(
        parent=jobs.common_location_path(project, REGION),
        batch_prediction_job={
            "display_name": "wines",
            "model": f"{model}@champion",
            "input_config": {
                "instances_format": "bigquery",
                "bigquery_source": {"input_uri": f"{dataset}.input"},
            },
            "instance_config": {"instance_type": "object", "excluded_fields": ["id", QUALITY]},
            "output_config": {
                "predictions_format": "bigquery",
                "bigquery_destination": {"output_uri": dataset},
            },
            "dedicated_resources": {"machine_spec": {"machine_type": "n1-standard-2"}},
        },
    )
    return eventually(lambda: jobs.get_batch_prediction_job(name=job.name), lambda found: found.end_time)


def test_the_champion_grades_a_table_as_it_grades_single_wines(
    cloud: Cloud, exported: Path, wine_rows: list[Row]
) -> None:
    project, rows = cloud.settings.project, wine_rows[:200]
    client = bigquery.Client(project=project)
    load(client, rows)
    make_input, read_grades = SQL

    client.query_and_wait(make_input)
    job = predict(register(exported, project), project)

    assert (job.state.name, job.error.message) == ("JOB_STATE_SUCCEEDED", "")
    table = job.output_info.bigquery_output_table
    shown = client.query_and_wait(re.sub(r"predictions_\w+Z", table, read_grades) + " ORDER BY id")
    grades = np.array([row["grade"] for row in shown])
    columns = {name: np.array([[row[name]] for row in rows], np.float32) for name in FEATURE_NAMES}
    alone = ServedModel(str(exported)).ask("serving_default", columns)["grade"][:, 0]
    assert len(grades) == 200
    np.testing.assert_allclose(grades, alone, rtol=1e-5)
