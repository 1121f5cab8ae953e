"""One batch prediction job for each task instance, with real models and tables."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from google.api_core.exceptions import NotFound
from google.cloud import aiplatform_v1, bigquery
from vertex_mlops.contract.names import CHAMPION_ALIAS
from vertex_mlops.exceptions import BatchPredictionJobFailedError, VertexOperationTimeoutError
from vertex_mlops.links.vertex_ai import BatchPredictionJobLink
from vertex_mlops.operators.batch_prediction.job import TASK_LABEL, RunBatchPredictionJobOnceOperator
from vertex_mlops.runs.pipeline_jobs import resource_id, task_label

from localcloud.gateway.faults import Fault, Faults
from localcloud.testing import Cloud
from tests.plugins.operators.served_models import CLIENT_OPTIONS, Models
from tests.support.task_context import REGION, context_of

# the models take each feature as a list of one number
WINES = "SELECT 1 AS id, [3.5] AS ph, [13.8] AS alcohol, 6 AS quality UNION ALL SELECT 2, [3.0], [9.0], NULL"
TOO_LONG = "SELECT 3, [3.5], [13.8, 9.0], 5"
NO_FEATURES = ["id", "quality"]


class Tables:
    """A data set of a test's own."""

    def __init__(self, client: bigquery.Client, dataset: str) -> None:
        self.client, self.dataset = client, dataset

    @property
    def uri(self) -> str:
        return f"bq://{self.client.project}.{self.dataset}"

    def fill(self, sql: str = WINES) -> str:
        """Create the table of wines, and return its URI."""
        self.client.query_and_wait(f"CREATE OR REPLACE TABLE {self.dataset}.wines AS {sql}")
        return f"{self.uri}.wines"

    def read(self, table: str) -> list[dict[str, Any]]:
        return [dict(row) for row in self.client.query_and_wait(f"SELECT * FROM `{table}` ORDER BY id")]


@pytest.fixture
def tables(cloud: Cloud) -> Iterator[Tables]:
    client = bigquery.Client(project=cloud.settings.project)
    dataset = bigquery.Dataset(f"{client.project}.batch_{uuid.uuid4().hex[:8]}")
    dataset.location = "EU"
    client.create_dataset(dataset)
    yield Tables(client, dataset.dataset_id)
    client.delete_dataset(dataset, delete_contents=True)


def operator(place: dict[str, str], tables: Tables, **changes: Any) -> RunBatchPredictionJobOnceOperator:
    arguments: dict[str, Any] = {
        "task_id": "predict",
        "bigquery_source": f"{tables.uri}.wines",
        "bigquery_destination_prefix": tables.uri,
        "excluded_fields": NO_FEATURES,
    }
    return RunBatchPredictionJobOnceOperator(**arguments | place | changes)


def run(task: RunBatchPredictionJobOnceOperator, context: Any) -> Any:
    """Execute until the task does not ask for another execution, as Airflow does."""
    while True:
        try:
            return task.prepare_for_execution().execute(context)
        except AirflowRescheduleException:
            ti = context["ti"]
            ti.first_reschedule = ti.first_reschedule or datetime.now(UTC)
            time.sleep(0.2)


def begin(task: RunBatchPredictionJobOnceOperator, context: Any) -> str:
    """Execute once, and return the id of the job that the task waits for."""
    with pytest.raises(AirflowRescheduleException):
        task.execute(context)
    return str(context["ti"].xcoms[BatchPredictionJobLink.key]).partition("?")[0].rpartition("/")[2]


def jobs(client: aiplatform_v1.JobServiceClient, place: dict[str, str], context: Any) -> list[Any]:
    """Return the jobs of a task instance, the oldest first."""
    label = task_label(context["ti"], "predict")
    parent = client.common_location_path(place["project_id"], REGION)
    request = {"parent": parent, "filter": f'labels.{TASK_LABEL}="{label}"'}
    return list(client.list_batch_prediction_jobs(request=request))[::-1]


def retry_of(context: Any) -> Any:
    """Return the context of another try of the same task instance."""
    return context_of(context["task"], run_id=context["ti"].run_id)


def test_the_champion_predicts_the_rows_of_a_table(
    place: dict[str, str], tables: Tables, models: Models
) -> None:
    registry = aiplatform_v1.ModelServiceClient(client_options=CLIENT_OPTIONS)
    registry.merge_version_aliases(name=models.names["named"], version_aliases=[CHAMPION_ALIAS])
    tables.fill()
    model = f"{resource_id(models.names['named'])}@{CHAMPION_ALIAS}"
    task = operator(place, tables, model_name=model, labels={"wine": "white"})
    context = context_of(task)

    result = run(task, context)

    assert (result["predicted"], result["failed"]) == (2, 0)
    assert result["model"] == f"{models.names['named']}@1"
    rows = tables.read(result["table"])
    predictions = [json.loads(row.pop("prediction")) for row in rows]
    assert predictions == 2 * [{"good": [0.9], "grade": [6.5]}]
    assert rows == [
        {"id": 1, "ph": [3.5], "alcohol": [13.8], "quality": 6},
        {"id": 2, "ph": [3.0], "alcohol": [9.0], "quality": None},
    ]
    link = context["ti"].xcoms[BatchPredictionJobLink.key]
    assert f"/vertex-ai/locations/{REGION}/batch-predictions/{resource_id(result['name'])}" in link


def test_a_retry_finds_the_job_while_it_runs_and_when_it_has_ended(
    place: dict[str, str], tables: Tables, models: Models, client: aiplatform_v1.JobServiceClient
) -> None:
    tables.fill()
    task = operator(place, tables, model_name=models.names["named"])
    context = context_of(task)

    first = begin(task, context)
    second = run(task, retry_of(context))
    third = run(task, retry_of(context))

    assert {first} == {resource_id(second["name"]), resource_id(third["name"])}
    assert len(jobs(client, place, context)) == 1
    assert len(jobs(client, place, context_of(task))) == 0


def test_an_answer_that_is_lost_leads_to_no_second_job(
    place: dict[str, str],
    tables: Tables,
    models: Models,
    client: aiplatform_v1.JobServiceClient,
    faults: Faults,
) -> None:
    tables.fill()
    task = operator(place, tables, model_name=models.names["named"])
    context = context_of(task)
    faults.add(Fault("JobService.CreateBatchPredictionJob", drop=True))
    faults.add(Fault("JobService.ListBatchPredictionJobs", code="UNAVAILABLE"))

    assert run(task, context)["predicted"] == 2
    assert faults.pending() == []
    assert len(jobs(client, place, context)) == 1


def test_a_job_that_failed_fails_the_task_and_is_followed_by_another(
    place: dict[str, str], tables: Tables, models: Models, client: aiplatform_v1.JobServiceClient
) -> None:
    task = operator(place, tables, model_name=models.names["named"])
    context = context_of(task)

    with pytest.raises(BatchPredictionJobFailedError, match=r"JOB_STATE_FAILED: .*wines.*; see http"):
        run(task, context)
    tables.fill()
    result = run(task, retry_of(context))

    failed, succeeded = jobs(client, place, context)
    assert failed.name != succeeded.name == result["name"]


def test_a_job_that_somebody_cancels_fails_the_task(
    place: dict[str, str], tables: Tables, models: Models, client: aiplatform_v1.JobServiceClient
) -> None:
    tables.fill("SELECT id, [3.5] AS ph, [9.0] AS alcohol FROM UNNEST(GENERATE_ARRAY(1, 9000)) AS id")
    task = operator(place, tables, model_name=models.names["named"], excluded_fields=["id"], batch_size=1)
    context = context_of(task)
    begin(task, context)
    client.cancel_batch_prediction_job(name=jobs(client, place, context)[0].name)
    context["ti"].first_reschedule = datetime.now(UTC)

    with pytest.raises(BatchPredictionJobFailedError, match="JOB_STATE_CANCELLED"):
        run(task, context)


def test_rows_without_a_prediction_fail_the_task_unless_so_many_may_be(
    place: dict[str, str], tables: Tables, models: Models, client: aiplatform_v1.JobServiceClient
) -> None:
    tables.fill(f"{WINES} UNION ALL {TOO_LONG}")
    strict = operator(place, tables, model_name=models.names["named"], batch_size=1)
    context = context_of(strict)

    with pytest.raises(BatchPredictionJobFailedError, match=r"has left 1 of 3 rows without .* more than 0"):
        run(strict, context)
    tables.fill()
    repaired = run(strict, retry_of(context))
    tables.fill(f"{WINES} UNION ALL {TOO_LONG}")
    lenient = operator(place, tables, model_name=models.names["named"], batch_size=1, max_failed_rows=1)
    result = run(lenient, context_of(lenient))

    assert len(jobs(client, place, context)) == 2
    assert (repaired["predicted"], repaired["failed"]) == (2, 0)
    assert (result["predicted"], result["failed"]) == (2, 1)
    (error,) = tables.read(result["table"].replace("predictions_", "errors_"))
    assert (error["id"], error["alcohol"]) == (3, [13.8, 9.0])


def test_a_model_whose_default_signature_takes_examples_says_so(
    place: dict[str, str], tables: Tables, models: Models
) -> None:
    tables.fill()
    task = operator(place, tables, model_name=models.names["sound"])

    with pytest.raises(BatchPredictionJobFailedError, match="must only have keys: examples"):
        run(task, context_of(task))


def test_an_alias_that_no_version_has_is_an_error(
    place: dict[str, str], tables: Tables, models: Models
) -> None:
    task = operator(place, tables, model_name=f"{models.names['other']}@{CHAMPION_ALIAS}")

    with pytest.raises(NotFound, match=f"@{CHAMPION_ALIAS} does not exist"):
        task.execute(context_of(task))


def test_a_job_is_not_waited_for_without_end(
    place: dict[str, str], tables: Tables, models: Models, client: aiplatform_v1.JobServiceClient
) -> None:
    tables.fill("SELECT id, [3.5] AS ph, [9.0] AS alcohol FROM UNNEST(GENERATE_ARRAY(1, 9000)) AS id")
    task = operator(
        place,
        tables,
        model_name=models.names["named"],
        excluded_fields=["id"],
        batch_size=1,
        wait_timeout=60,
    )
    context = context_of(task)
    begin(task, context)
    context["ti"].first_reschedule = datetime.now(UTC) - timedelta(seconds=61)

    with pytest.raises(VertexOperationTimeoutError, match="still runs after 60 s"):
        task.execute(context)
    client.cancel_batch_prediction_job(name=jobs(client, place, context)[0].name)
