"""Jobs whose end nobody has seen: the data that they learned from does not count as trained on."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped
from google.cloud import bigquery
from vertex_mlops.runs.pipeline_jobs import SUBMISSION_KEY

from tests.plugins.operators.bigquery.wine_tables import SOUND, freshness, maker, modified, train_on
from tests.support.task_context import Upload, context_of

SUBMITTED = {SUBMISSION_KEY: 30.0}


def test_a_job_counts_if_the_task_of_its_run_has_taken_its_result(
    place: dict[str, str], client: bigquery.Client, upload: Upload
) -> None:
    # given a job that succeeded after its task was marked by hand
    table_id = maker(client)(SOUND)
    version = modified(client, table_id)
    train_on(place, upload, table_id, version, run_id="manual__marked")
    operator = freshness(place, table_id, pipeline_task_id="train")
    context = context_of(operator)
    taken = SUBMITTED | {"return_value": {"name": "the job"}}
    context["ti"].other_runs = {"manual__other": taken, "manual__marked": SUBMITTED}

    # then its data is trained on
    assert operator.execute(context)["last_trained_version"] is None

    # and not again once the task was cleared and has found the job
    context["ti"].other_runs["manual__marked"] = taken
    with pytest.raises(DownstreamTasksSkipped):
        operator.execute(context)


def test_a_job_counts_after_airflow_has_deleted_the_xcoms_of_its_task(
    place: dict[str, str], client: bigquery.Client, upload: Upload
) -> None:
    table_id = maker(client)(SOUND)
    train_on(place, upload, table_id, modified(client, table_id), run_id="manual__old")
    operator = freshness(place, table_id, pipeline_task_id="train")
    context = context_of(operator)
    context["ti"].other_runs = {"manual__old": {}}

    with pytest.raises(DownstreamTasksSkipped):
        operator.execute(context)


def test_a_job_that_no_run_of_this_dag_has_submitted_counts(
    place: dict[str, str], client: bigquery.Client, upload: Upload
) -> None:
    table_id = maker(client)(SOUND)
    train_on(place, upload, table_id, modified(client, table_id))
    operator = freshness(place, table_id, pipeline_task_id="train")
    context = context_of(operator)
    context["ti"].other_runs = {"manual__other": SUBMITTED}

    with pytest.raises(DownstreamTasksSkipped):
        operator.execute(context)


@pytest.mark.parametrize("version", ["none", "x1"])
def test_a_job_without_a_number_for_its_data_does_not_count(
    place: dict[str, str], client: bigquery.Client, upload: Upload, version: Any
) -> None:
    table_id = maker(client)(SOUND)
    train_on(place, upload, table_id, version)
    operator = freshness(place, table_id)

    assert operator.execute(context_of(operator))["last_trained_version"] is None
