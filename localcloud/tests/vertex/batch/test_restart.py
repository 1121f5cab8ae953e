"""A batch prediction job during which localcloud is killed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.cloud import aiplatform_v1 as v1

from localcloud.vertex.resources.names import canonical
from localcloud.vertex.resources.store import ResourceStore

_BEFORE = """
import sys
from pathlib import Path
from google.cloud import aiplatform_v1 as v1, bigquery, storage
from localcloud.testing import eventually

folder = Path(sys.argv[1])
bucket = storage.Client().create_bucket("restart")
for path in folder.rglob("*"):
    if path.is_file():
        bucket.blob(str(path.relative_to(folder))).upload_from_filename(str(path))
tables = bigquery.Client()
dataset = bigquery.Dataset("local-project.restart")
dataset.location = "europe-west1"
tables.create_dataset(dataset)
ids = "UNNEST(GENERATE_ARRAY(1, 2000)) AS id"
tables.query_and_wait(f"CREATE TABLE restart.wines AS SELECT id, 9.0 AS alcohol, 3.0 AS ph FROM {ids}")
api = {"api_endpoint": "europe-west1-aiplatform.googleapis.com"}
parent = "projects/local-project/locations/europe-west1"
image = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
model = v1.ModelServiceClient(client_options=api).upload_model(parent=parent, model={
    "display_name": "wine", "artifact_uri": "gs://restart/named", "container_spec": {"image_uri": image}
}).result().model
jobs = v1.JobServiceClient(client_options=api)
name = jobs.create_batch_prediction_job(parent=parent, batch_prediction_job={
    "display_name": "wines", "model": model,
    "input_config": {
        "instances_format": "bigquery",
        "bigquery_source": {"input_uri": "bq://local-project.restart.wines"},
    },
    "instance_config": {"instance_type": "object", "excluded_fields": ["id"]},
    "output_config": {
        "predictions_format": "bigquery",
        "bigquery_destination": {"output_uri": "bq://local-project.restart"},
    },
    "dedicated_resources": {"machine_spec": {"machine_type": "n1-standard-2"}},
    "manual_batch_tuning_parameters": {"batch_size": 1},
}).name
eventually(lambda: jobs.get_batch_prediction_job(name=name).state.name == "JOB_STATE_RUNNING")
# as if it had begun to write
tables.query_and_wait("CREATE TABLE restart.predictions_begun AS SELECT 1 AS half")
print("job", name)
"""
_AFTER = """
import sys
from google.cloud import aiplatform_v1 as v1, bigquery
from localcloud.testing import eventually

api = {"api_endpoint": "europe-west1-aiplatform.googleapis.com"}
jobs, tables = v1.JobServiceClient(client_options=api), bigquery.Client()
job = eventually(lambda: jobs.get_batch_prediction_job(name=sys.argv[1]), lambda job: job.end_time)
found = tables.list_rows(f"local-project.restart.{job.output_info.bigquery_output_table}")
print(job.state.name, len({row["id"] for row in found}), len(list(tables.list_tables("restart"))))
"""


# two starts, and a process for each client
@pytest.mark.timeout(900)
def test_a_job_begins_again_and_drops_what_it_had_begun_to_write(
    make_localcloud: Callable[[], Any], model_folders: Path
) -> None:
    cloud = make_localcloud()
    try:
        cloud.start()
        before = cloud.client(sys.executable, "-c", _BEFORE, str(model_folders))
        assert before.returncode == 0, before.stderr[-2000:]
        name = canonical(before.stdout.split()[-1], cloud.settings)

        cloud.kill()
        store = ResourceStore(cloud.settings.state / "vertex" / "resources.sqlite")
        job = store.get(name, v1.BatchPredictionJob)
        job.output_info = {
            "bigquery_output_dataset": "bq://local-project.restart",
            "bigquery_output_table": "predictions_begun",
        }
        store.put(name, job)
        store.close()
        cloud.start()

        after = cloud.client(sys.executable, "-c", _AFTER, name)
        # the tables of wines, of predictions and of errors
        assert after.stdout.split() == ["JOB_STATE_SUCCEEDED", "2000", "3"], after.stderr[-2000:]
        assert job.state.name == "JOB_STATE_RUNNING"
        assert cloud.stop() == 0, cloud.output
    finally:
        cloud.kill()
