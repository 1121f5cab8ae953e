"""Ids of pipeline jobs, and what is read from finished ones."""

from __future__ import annotations

import re
from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import PipelineJob
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from vertex_mlops.runs.pipeline_jobs import attempt_id, attempt_number, pipeline_job_id, resource_id
from vertex_mlops.runs.pipeline_results import failure, read_result

VALID_ID = re.compile(r"[a-z][-a-z0-9]{0,126}")
DAG_IDS = ["wine_retraining_white", "wine_retraining.white", "0dag", "été", "d" * 250]
RUN_IDS = [
    "manual__2026-01-01T00:00:00+00:00",
    "scheduled__2026-01-01T00:00:00+00:00",
    "manual__2026-01-01T00:00:00.000001+00:00",
    "MANUAL__2026-01-01T00:00:00+00:00",
    "-",
    "",
    "r" * 250,
    "r" * 249 + "s",
    "日本",
]


def job(**fields: object) -> PipelineJob:
    """Create a job from JSON as the API returns it."""
    message = PipelineJob()
    json_format.ParseDict(fields, PipelineJob.pb(message))
    return message


def task(name: str, **outputs: dict[str, object]) -> dict[str, object]:
    return {
        "taskName": name,
        "outputs": {key: {"artifacts": [artifact]} for key, artifact in outputs.items()},
    }


FINISHED_TASKS = [
    task(
        "latest_blessed_model_resolver",
        model_blessing={"schemaTitle": "tfx.ModelBlessing", "metadata": {"blessed": 1}},
    ),
    task("Transform", transformed_examples={"schemaTitle": "tfx.Examples", "uri": "gs://b/transformed"}),
    task("BigQueryExampleGen", examples={"schemaTitle": "tfx.Examples", "uri": "gs://b/examples"}),
]


# Airflow takes up to 250 characters of each; anything may be in the id of a run
NAMES = st.one_of(st.sampled_from(DAG_IDS + RUN_IDS), st.text(max_size=250), st.text("-_.09aA", max_size=250))
IDENTITIES = st.fixed_dictionaries(
    {
        "dag_id": NAMES,
        "run_id": NAMES,
        "task_id": NAMES,
        "map_index": st.one_of(st.none(), st.integers(-1, 10_000)),
    }
)
ATTEMPTS = st.integers(1, 99_999)


@given(IDENTITIES, ATTEMPTS)
def test_every_task_instance_gets_an_id_that_vertex_takes_at_any_attempt(
    identity: dict[str, Any], attempt: int
) -> None:
    assert VALID_ID.fullmatch(attempt_id(pipeline_job_id(**identity), attempt))


@given(IDENTITIES, ATTEMPTS)
def test_the_same_task_instance_always_gets_the_same_id(identity: dict[str, Any], attempt: int) -> None:
    ids = {attempt_id(pipeline_job_id(**dict(identity)), attempt) for _ in range(3)}

    assert len(ids) == 1


@given(st.lists(st.tuples(IDENTITIES, ATTEMPTS), min_size=2, unique_by=repr))
def test_no_two_attempts_of_any_task_instances_share_an_id(
    attempts: list[tuple[dict[str, Any], int]],
) -> None:
    ids = {attempt_id(pipeline_job_id(**identity), attempt) for identity, attempt in attempts}

    assert len(ids) == len(attempts)


@given(IDENTITIES, st.sampled_from(["dag_id", "run_id", "task_id"]), st.characters())
def test_one_character_more_gives_another_id(identity: dict[str, Any], part: str, more: str) -> None:
    other = {**identity, part: identity[part] + more}

    assert pipeline_job_id(**identity) != pipeline_job_id(**other)


@given(IDENTITIES, ATTEMPTS)
def test_the_number_of_an_attempt_is_read_from_its_id(identity: dict[str, Any], attempt: int) -> None:
    first_id = pipeline_job_id(**identity)

    assert attempt_number(attempt_id(first_id, attempt), first_id) == attempt


@pytest.mark.parametrize(
    "other", ["train-white", "train-", "train-1", "train-02", "train2", "trai", "x-train-2"]
)
def test_a_job_of_another_name_is_no_attempt(other: str) -> None:
    assert attempt_number(other, "train") is None


def test_parts_of_the_identity_do_not_flow_into_each_other() -> None:
    one = pipeline_job_id(dag_id="a-b", run_id="c", task_id="t", map_index=-1)
    other = pipeline_job_id(dag_id="a", run_id="b-c", task_id="t", map_index=-1)

    assert one != other


def test_a_blessed_model_is_read_with_the_raw_examples_and_the_evaluators_verdict() -> None:
    evaluator = task(
        "Evaluator",
        blessing={"schemaTitle": "tfx.ModelBlessing", "metadata": {"blessed": 1}},
        evaluation={"schemaTitle": "tfx.ModelEvaluation", "uri": "gs://b/evaluation"},
    )
    figures = {"auc": 0.8, "examples": 980, "champion_auc": 0.7}
    texts = {
        "verdict": "blessed",
        "reason": "",
        "evidence": "better by 0.02",
        "champion_version": "projects/1/locations/r/models/m@3",
        "model_uri": "gs://b/model/served",
        "known_answers": '[{"good": 0.9}]',
    }
    reporter = task("MetricsReporter", metrics={"schemaTitle": "tfx.Metrics", "metadata": figures | texts})
    card = task("ModelCard", model_card={"schemaTitle": "tfx.File", "metadata": {"page": "gs://b/card.html"}})

    result = read_result(
        job(
            name="projects/1/locations/r/pipelineJobs/j",
            state="PIPELINE_STATE_SUCCEEDED",
            labels={"wine": "white", "data_version": "1700000000000"},
            jobDetail={"taskDetails": [*FINISHED_TASKS, evaluator, reporter, card]},
        )
    )

    assert result == {
        "name": "projects/1/locations/r/pipelineJobs/j",
        "state": "PIPELINE_STATE_SUCCEEDED",
        "data_version": "1700000000000",
        "blessed": True,
        "verdict": "blessed",
        "reason": "",
        "evidence": "better by 0.02",
        "champion_version": "projects/1/locations/r/models/m@3",
        "metrics": figures,
        "model_uri": "gs://b/model/served",
        "known_answers": [{"good": 0.9}],
        "model_card": "gs://b/card.html",
        "training_examples": "gs://b/examples",
        "evaluation": "gs://b/evaluation",
    }


def test_a_model_that_was_not_blessed_is_not_mistaken_for_the_resolvers_blessed_one() -> None:
    evaluator = task("Evaluator", blessing={"schemaTitle": "tfx.ModelBlessing", "metadata": {"blessed": 0}})
    texts = {"reason": "auc is 0.6, must be at least 0.75"}
    reporter = task("MetricsReporter", metrics={"schemaTitle": "tfx.Metrics", "metadata": texts})

    result = read_result(job(jobDetail={"taskDetails": [*FINISHED_TASKS, evaluator, reporter]}))

    assert result["blessed"] is False
    assert result["reason"] == texts["reason"]


def test_a_pipeline_without_an_evaluator_has_no_verdict_and_no_figures() -> None:
    result = read_result(job(jobDetail={"taskDetails": FINISHED_TASKS}))

    assert result["blessed"] is None
    assert result["metrics"] == {}
    assert result["champion_version"] is None
    assert (result["verdict"], result["evidence"]) == ("", "")
    assert (result["reason"], result["model_uri"], result["known_answers"]) == ("", None, [])


def test_figures_are_read_from_any_metrics_artifact_and_words_beside_them_are_not() -> None:
    artifact = {"schemaTitle": "system.Metrics", "metadata": {"loss": 2, "framework": "keras"}}

    assert read_result(job(jobDetail={"taskDetails": [task("train", m=artifact)]}))["metrics"] == {
        "loss": 2.0
    }


def test_a_failure_names_the_job_the_task_and_its_error_in_one_line() -> None:
    failed = {"taskName": "Trainer", "state": "FAILED", "error": {"code": 13, "message": "loss is\nNaN"}}

    line = failure(
        job(name="p/j", state="PIPELINE_STATE_FAILED", jobDetail={"taskDetails": [task("Evaluator"), failed]})
    )

    assert line == "p/j ended as PIPELINE_STATE_FAILED; task Trainer: loss is NaN"


def test_a_failure_without_a_failed_task_gives_the_error_of_the_job() -> None:
    line = failure(job(name="p/j", state="PIPELINE_STATE_FAILED", error={"message": "quota"}))

    assert line == "p/j ended as PIPELINE_STATE_FAILED; quota"


def test_a_paused_job_has_no_cause_to_tell() -> None:
    assert failure(job(name="p/j", state="PIPELINE_STATE_PAUSED")) == "p/j ended as PIPELINE_STATE_PAUSED"


def test_the_id_is_the_last_part_of_a_resource_name() -> None:
    assert resource_id("projects/1/locations/europe-west1/endpoints/7") == "7"
