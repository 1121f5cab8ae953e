"""Batch prediction jobs: rows of a table in, predictions in another."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import aiplatform, bigquery
from google.cloud import aiplatform_v1 as v1
from tests.vertex.batch.jobs import Batch
from tests.vertex.vertex_clients import REGION

from localcloud.testing import eventually

WINES = "SELECT 1 AS id, 13.5 AS alcohol, 3.5 AS ph, 7 AS quality UNION ALL SELECT 2, 9.0, 3.0, NULL"
NO_FEATURES = {"instance_type": "object", "excluded_fields": ["id", "quality"]}


def test_predictions_come_next_to_all_columns_of_the_rows(batch: Batch, models: dict[str, str]) -> None:
    created = batch.create(models["named"], batch.fill(WINES), instance_config=NO_FEATURES)
    job = batch.finish(created.name)

    assert (created.state.name, job.state.name) == ("JOB_STATE_PENDING", "JOB_STATE_SUCCEEDED")
    assert job.create_time <= job.start_time <= job.end_time <= job.update_time
    assert (job.completion_stats.successful_count, job.completion_stats.failed_count) == (2, 0)
    assert (job.model, job.model_version_id, job.error.code) == (models["named"], "1", 0)
    assert job.output_info.bigquery_output_dataset == batch.uri
    table = job.output_info.bigquery_output_table
    stamp = created.create_time.strftime("%Y_%m_%dT%H_%M_%S")
    assert table.startswith(f"predictions_{stamp}_")
    rows = batch.rows(table)
    assert [json.loads(row.pop("prediction")) for row in rows] == [
        {"grade": 6.75, "ph": 3.5},
        {"grade": 4.5, "ph": 3.0},
    ]
    assert rows == [
        {"id": 1, "alcohol": 13.5, "ph": 3.5, "quality": 7},
        {"id": 2, "alcohol": 9.0, "ph": 3.0, "quality": None},
    ]
    assert batch.rows(table.replace("predictions", "errors")) == []


def test_a_row_is_an_array_unless_an_object_is_asked_for(batch: Batch, models: dict[str, str]) -> None:
    source = batch.fill("SELECT 13.5 AS alcohol, 3.5 AS ph")

    as_array = batch.run(models["listed"], source, instance_config={})
    refused = batch.run(models["named"], source, instance_config={})

    (row,) = batch.rows(as_array.output_info.bigquery_output_table, "ph")
    assert json.loads(row["prediction"]) == {"grade": 6.75, "ph": 3.5}
    assert refused.state.name == "JOB_STATE_FAILED"
    assert "All 1 instances failed" in refused.error.message


def test_included_fields_say_the_order_of_an_array(batch: Batch, models: dict[str, str]) -> None:
    source = batch.fill("SELECT 1 AS id, 3.5 AS ph, 13.5 AS alcohol")
    config = {"instance_type": "array", "included_fields": ["alcohol", "ph"]}

    job = batch.run(models["listed"], source, instance_config=config)

    (row,) = batch.rows(job.output_info.bigquery_output_table)
    assert json.loads(row["prediction"]) == {"grade": 6.75, "ph": 3.5}
    assert row["id"] == 1


def test_a_request_that_is_refused_makes_errors_of_its_rows(batch: Batch, models: dict[str, str]) -> None:
    sql = f"{WINES} UNION ALL SELECT 3, 101.0, 3.0, 5 UNION ALL SELECT 4, NULL, 3.0, 5"
    tuning = {"batch_size": 1}

    job = batch.run(
        models["named"],
        batch.fill(sql),
        instance_config=NO_FEATURES,
        manual_batch_tuning_parameters=tuning,
    )

    assert job.state.name == "JOB_STATE_SUCCEEDED"
    assert (job.completion_stats.successful_count, job.completion_stats.failed_count) == (2, 2)
    table = job.output_info.bigquery_output_table
    assert [row["id"] for row in batch.rows(table)] == [1, 2]
    strong, missing = batch.rows(table.replace("predictions", "errors"))
    assert (strong["id"], strong["alcohol"], missing["id"], missing["alcohol"]) == (3, 101.0, 4, None)
    errors = [json.loads(row["errors"]) for row in (strong, missing)]
    assert [error["code"] for error in errors] == [3, 3]
    assert "too strong" in errors[0]["message"]


def test_one_bad_row_fails_its_whole_request(batch: Batch, models: dict[str, str]) -> None:
    sql = f"{WINES} UNION ALL SELECT 3, 101.0, 3.0, 5"

    job = batch.run(models["named"], batch.fill(sql), instance_config=NO_FEATURES)

    assert (job.state.name, job.error.code) == ("JOB_STATE_FAILED", 3)
    assert (job.completion_stats.successful_count, job.completion_stats.failed_count) == (0, 3)
    assert "All 3 instances failed: assertion failed: [too strong]" in job.error.message


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        (
            "SELECT 'x' AS a, 3 AS b, 1.5 AS c, NUMERIC '4925' AS d, TRUE AS e",
            ["x", 3, 1.5, 4925.0, True],
        ),
        (
            "SELECT TIMESTAMP '2019-01-01 23:59:59.999999+00' AS a, DATE '2018-12-31' AS b,"
            " TIME '23:59:59.999999' AS c, DATETIME '2019-01-01 00:00:00' AS d",
            ["2019-01-01 23:59:59.999999+00:00", "2018-12-31", "23:59:59.999999", "2019-01-01T00:00:00"],
        ),
        ("SELECT [1, 2] AS a, ['x'] AS b, CAST(NULL AS STRING) AS c", [[1, 2], ["x"], None]),
    ],
)
def test_values_are_sent_as_the_documentation_has_them(
    batch: Batch, models: dict[str, str], sql: str, row: list[Any]
) -> None:
    job = batch.run(models["named"], batch.fill(sql))

    # the model server quotes the instance that it rejects
    (failed,) = batch.rows(job.output_info.bigquery_output_table.replace("predictions", "errors"), "errors")
    message = json.loads(failed["errors"])["message"]
    quoted = json.loads(message.partition("JSON object: ")[2].partition(" must only have keys")[0])
    assert list(quoted.values()) == row


def test_an_alias_names_the_version(
    clients: Any, batch: Batch, models: dict[str, str], new_model: Any
) -> None:
    listed = clients.models.get_model(name=models["listed"])
    new_model(parent_model=models["named"], artifact_uri=listed.artifact_uri, version_aliases=["champion"])

    job = batch.create(f"{models['named']}@champion", batch.fill(WINES), instance_config=NO_FEATURES)

    assert (job.model, job.model_version_id) == (models["named"], "2")
    batch.finish(job.name)
    clients.models.delete_model_version(name=f"{models['named']}@2").result(timeout=120)


def test_a_project_gets_a_data_set_of_the_job(batch: Batch, models: dict[str, str]) -> None:
    output = {
        "predictions_format": "bigquery",
        "bigquery_destination": {"output_uri": f"bq://{batch.tables.project}"},
    }

    job = batch.run(models["named"], batch.fill(WINES), instance_config=NO_FEATURES, output_config=output)

    dataset = job.output_info.bigquery_output_dataset.removeprefix("bq://")
    assert dataset.partition(".")[2].startswith("prediction_a_named_wine_20")
    assert batch.tables.get_dataset(dataset).location == REGION
    assert len(list(batch.tables.list_rows(f"{dataset}.{job.output_info.bigquery_output_table}"))) == 2
    batch.tables.delete_dataset(dataset, delete_contents=True)


def test_a_table_that_the_caller_names_must_be_new(batch: Batch, models: dict[str, str]) -> None:
    output = {
        "predictions_format": "bigquery",
        "bigquery_destination": {"output_uri": f"{batch.uri}.mine"},
    }
    fields = {"instance_config": NO_FEATURES, "output_config": output}

    first = batch.run(models["named"], batch.fill(WINES), **fields)
    second = batch.run(models["named"], batch.fill(WINES), **fields)

    assert first.output_info.bigquery_output_table == "mine"
    assert len(batch.rows("mine")) == 2
    assert (second.state.name, second.error.code) == ("JOB_STATE_FAILED", 6)
    assert "mine exists" in second.error.message


@pytest.mark.parametrize(
    ("sql", "config", "message"),
    [
        (WINES, {"excluded_fields": ["sugar"]}, "sugar, which the table lacks"),
        ("SELECT b'x' AS image", {"instance_type": "object"}, "column image of type BYTES"),
        ("SELECT 1 AS prediction", {"instance_type": "object"}, "a column prediction"),
    ],
)
def test_a_table_that_does_not_fit_fails_the_job(
    batch: Batch, models: dict[str, str], sql: str, config: Any, message: str
) -> None:
    job = batch.run(models["named"], batch.fill(sql), instance_config=config)

    assert job.state.name == "JOB_STATE_FAILED"
    assert message in job.error.message
    assert job.completion_stats.incomplete_count == -1


def test_a_table_that_is_missing_or_elsewhere_fails_the_job(batch: Batch, models: dict[str, str]) -> None:
    other = bigquery.Dataset(f"{batch.tables.project}.{batch.dataset}_us")
    other.location = "US"
    batch.tables.create_dataset(other)
    batch.tables.query_and_wait(f"CREATE TABLE {other.dataset_id}.wines AS {WINES}")

    missing = batch.run(models["named"], f"{batch.uri}.absent")
    elsewhere = batch.run(models["named"], f"bq://{batch.tables.project}.{other.dataset_id}.wines")

    assert (missing.state.name, missing.error.code) == ("JOB_STATE_FAILED", 5)
    assert "is in US: it must be in the region of the model, europe-west1" in elsewhere.error.message
    batch.tables.delete_dataset(other, delete_contents=True)


def test_jobs_are_listed_by_label_cancelled_and_deleted(batch: Batch, models: dict[str, str]) -> None:
    many = "SELECT id, 13.5 AS alcohol, 3.5 AS ph FROM UNNEST(GENERATE_ARRAY(1, 5000)) AS id"
    config = {"instance_type": "object", "excluded_fields": ["id"]}
    source = batch.fill(many)
    tuning = {"batch_size": 1}
    job = batch.create(
        models["named"],
        source,
        instance_config=config,
        manual_batch_tuning_parameters=tuning,
        labels={"dataset": batch.dataset},
    )
    with pytest.raises(exceptions.FailedPrecondition, match="cannot be deleted"):
        batch.jobs.delete_batch_prediction_job(name=job.name)
    eventually(
        lambda: batch.jobs.get_batch_prediction_job(name=job.name).state.name, "JOB_STATE_RUNNING".__eq__, 60
    )

    batch.jobs.cancel_batch_prediction_job(name=job.name)
    cancelled = batch.finish(job.name)

    assert (cancelled.state.name, cancelled.error.code) == ("JOB_STATE_CANCELLED", 1)
    assert [table.table_id for table in batch.tables.list_tables(batch.dataset)] == ["wines"]
    with pytest.raises(exceptions.FailedPrecondition, match="cannot be cancelled"):
        batch.jobs.cancel_batch_prediction_job(name=job.name)
    listed = batch.jobs.list_batch_prediction_jobs(
        request={
            "parent": batch.parent,
            "filter": f'labels.dataset="{batch.dataset}" AND model_display_name="a named wine"',
        }
    )
    assert [found.name for found in listed] == [cancelled.name]
    batch.jobs.delete_batch_prediction_job(name=job.name).result(timeout=120)
    with pytest.raises(exceptions.NotFound):
        batch.jobs.get_batch_prediction_job(name=job.name)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"display_name": ""}, exceptions.InvalidArgument, "display_name is required"),
        ({"model": "wine"}, exceptions.InvalidArgument, "Invalid resource name"),
        ({"dedicated_resources": None}, exceptions.InvalidArgument, "dedicated_resources is required"),
        (
            {"instance_config": {"key_field": "id"}},
            exceptions.InvalidArgument,
            '"bigquery" output format does not support key_field.',
        ),
        ({"instance_config": {"instance_type": "tree"}}, exceptions.InvalidArgument, "array or object"),
        (
            {"instance_config": {"included_fields": ["a"], "excluded_fields": ["b"]}},
            exceptions.InvalidArgument,
            "cannot both be set",
        ),
        ({"input_config": {"instances_format": "xml"}}, exceptions.InvalidArgument, 'format "xml" is not'),
        (
            {"input_config": {"instances_format": "jsonl", "gcs_source": {"uris": ["gs://a/b"]}}},
            exceptions.MethodNotImplemented,
            "instance format jsonl",
        ),
        (
            {
                "output_config": {
                    "predictions_format": "csv",
                    "gcs_destination": {"output_uri_prefix": "gs://a"},
                }
            },
            exceptions.MethodNotImplemented,
            "prediction format csv",
        ),
        ({"generate_explanation": True}, exceptions.MethodNotImplemented, "generate_explanation"),
        ({"model_parameters": {"a": 1}}, exceptions.MethodNotImplemented, "model_parameters"),
    ],
)
def test_what_the_cloud_refuses_and_what_is_not_served_is_refused_by_name(
    batch: Batch, models: dict[str, str], fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    model = fields.pop("model", models["named"]) if "model" in fields else models["named"]

    with pytest.raises(error, match=message):
        batch.create(model, f"{batch.uri}.wines", **fields)


def test_the_sdk_runs_a_job_and_reads_its_rows(batch: Batch, models: dict[str, str]) -> None:
    source = batch.fill("SELECT 13.5 AS alcohol, 3.5 AS ph")
    aiplatform.init(project=batch.tables.project, location=REGION)

    # the SDK cannot ask for objects: https://github.com/googleapis/python-aiplatform/issues/3031
    job = aiplatform.Model(models["listed"]).batch_predict(
        job_display_name="sdk",
        bigquery_source=source,
        bigquery_destination_prefix=batch.uri,
        instances_format="bigquery",
        predictions_format="bigquery",
        machine_type="n1-standard-2",
    )

    assert job.state.name == "JOB_STATE_SUCCEEDED"
    (row,) = job.iter_outputs()
    assert json.loads(row["prediction"]) == {"grade": 6.75, "ph": 3.5}


def test_a_job_is_made_over_rest(batch: Batch, models: dict[str, str]) -> None:
    host = f"https://{REGION}-aiplatform.googleapis.com/v1"
    body = v1.BatchPredictionJob.to_json(
        v1.BatchPredictionJob(batch.body(models["named"], batch.fill(WINES), instance_config=NO_FEATURES))
    )

    created = requests.post(f"{host}/{batch.parent}/batchPredictionJobs", data=body, timeout=120).json()

    assert created["state"] == "JOB_STATE_PENDING"
    assert created["instanceConfig"]["excludedFields"] == ["id", "quality"]
    assert batch.finish(created["name"]).state.name == "JOB_STATE_SUCCEEDED"
