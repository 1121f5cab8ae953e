"""The main workflow, by the resulting state of Vertex AI and BigQuery."""

from __future__ import annotations

import json
import urllib.request

import pytest
from google.cloud import aiplatform_v1, bigquery, storage

from dev.demo.publish import read_spec
from dev.demo.report import RunRow
from dev.demo.train import DAG_ID, NEW_ROWS, WINE, Demo
from dev.faults.replay import made_by
from localcloud.testing import SampleModel
from tests.e2e.skipped_run import SkippedRun
from tests.support.handmade import handmade

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
SUCCEEDED = aiplatform_v1.PipelineState.PIPELINE_STATE_SUCCEEDED
FIGURES = {"auc", "accuracy", "mad", "examples"}


@pytest.fixture(scope="module")
def table(demo: Demo) -> bigquery.Table:
    """Return the table of the wine as BigQuery describes it."""
    client = bigquery.Client(project=demo.settings.cloud.project)
    return client.get_table(f"{demo.settings.dataset}.{WINE}_wine")


def test_the_first_run_trains_on_the_table_as_it_was_checked(
    demo: Demo, table: bigquery.Table, first: RunRow
):
    job = demo.vertex.pipeline_job(first.pipeline_job)

    assert job.state == SUCCEEDED
    assert job.labels["wine"] == WINE
    assert int(job.labels["data_version"]) == int(table.modified.timestamp() * 1000 + 0.5)
    query = dict(job.runtime_config.parameter_values)["input_config"]
    assert f"TIMESTAMP_MILLIS({int(job.labels['data_version']) + 1})" in query
    assert first.rows == table.num_rows == 4898


def test_every_component_of_the_compiled_pipeline_ran(demo: Demo, first: RunRow):
    job = demo.vertex.pipeline_job(first.pipeline_job)

    ran = {detail.task_name: detail.state.name for detail in job.job_detail.task_details}

    compiled = read_spec(demo.settings, WINE)["pipelineSpec"]["root"]["dag"]["tasks"]
    assert set(compiled) <= set(ran)
    assert {ran[task] for task in compiled} == {"SUCCEEDED"}


def test_the_first_model_is_judged_against_the_majority(demo: Demo, first: RunRow):
    figures = first.metrics

    assert set(figures) == FIGURES | {f"baseline_{name}" for name in FIGURES}
    assert figures["baseline_auc"] == pytest.approx(0.5)
    assert figures["baseline_examples"] == figures["examples"]
    assert figures["mad"] < figures["baseline_mad"]


def test_a_first_model_that_is_better_than_the_majority_serves(demo: Demo, first: RunRow):
    assert demo.stack.airflow.xcom(DAG_ID, first.run_id, "train")["blessed"] is True
    (model,) = demo.vertex.model_versions(f"{demo.vertex.parent}/models/wine-{WINE}").values()
    assert "champion" in model.version_aliases
    deployed = demo.stack.airflow.xcom(DAG_ID, first.run_id, "deploy")
    assert first.serving.traffic == {deployed["deployed_model_id"]: 100}


@pytest.mark.parametrize("task", ["train", "gate"])
def test_the_card_of_the_model_is_one_click_away(demo: Demo, first: RunRow, task: str):
    links = demo.stack.airflow.call(
        "GET", f"/dags/{DAG_ID}/dagRuns/{first.run_id}/taskInstances/{task}/links"
    )

    with urllib.request.urlopen(links["extra_links"]["Model Card"], timeout=120) as answer:
        page = answer.read().decode()

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"Model card of wine-{WINE}" in page
    assert first.pipeline_job in page


def test_the_card_says_of_which_run_it_is_and_how_long_each_task_took(demo: Demo, first: RunRow):
    uri = demo.stack.airflow.xcom(DAG_ID, first.run_id, "train")["model_card"]
    blob = storage.Blob.from_string(
        uri.replace(".html", ".json"), storage.Client(project=demo.settings.cloud.project)
    )

    card = json.loads(blob.download_as_bytes())

    spec = read_spec(demo.settings, WINE)
    assert card["job"]["name"] == first.pipeline_job
    assert card["job"]["labels"]["data_version"] == first.data_version
    assert f"TIMESTAMP_MILLIS({int(first.data_version) + 1})" in card["query"]
    assert card["git_revision"] == spec["serving"]["git_revision"]
    assert card["compared"] == "majority"
    job = demo.vertex.pipeline_job(first.pipeline_job)
    took = {
        task.task_name: (task.end_time - task.start_time).total_seconds()
        for task in job.job_detail.task_details
        if task.task_name in spec["pipelineSpec"]["root"]["dag"]["tasks"]
    }
    assert took.pop("ModelCard") > 0
    assert card["job"]["seconds"] == pytest.approx(took)


def test_what_stands_for_a_training_in_other_suites_is_of_the_form_of_this_one(
    demo: Demo, trained: aiplatform_v1.PipelineJob
):
    exported = SampleModel(model="gs://b/model", examples="gs://b/examples/Split-train/*", example="")

    told = handmade(read_spec(demo.settings, WINE), exported, "gs://b/card.html")

    made = made_by(trained)
    for task, outputs in told.items():
        # there is no champion that a resolver could find
        if "resolver" not in task:
            assert outputs.keys() == made[task].keys()
            for output, artifact in outputs.items():
                assert artifact["metadata"].keys() <= made[task][output]["metadata"].keys()
    answers, wanted = (
        json.loads(source["MetricsReporter"]["metrics"]["metadata"]["known_answers"])
        for source in (told, made)
    )
    assert [one.keys() for one in answers] == [one.keys() for one in wanted]


def test_the_endpoint_gives_the_same_answer_through_both_signatures(demo: Demo, first: RunRow):
    contract = read_spec(demo.settings, WINE)["dataContract"]
    body = {"instances": [contract["sample_instance"]], "signature_name": "serving_raw"}

    raw = demo.vertex.raw_predict(first.serving.endpoint, body)
    example = demo.vertex.predict_example(first.serving.endpoint, contract["sample_example"])

    assert set(raw) == {"good", "grade", "grade_low", "grade_high"}
    for name, value in raw.items():
        assert example[name] == pytest.approx(value, abs=1e-5)


def test_monitoring_runs_with_thresholds_for_every_feature(demo: Demo, first: RunRow):
    job = demo.vertex.monitoring_job(first.monitoring_job)

    assert first.serving.monitoring_job == job.name
    (config,) = job.model_deployment_monitoring_objective_configs
    assert [config.deployed_model_id] == list(first.serving.traffic)
    contract = read_spec(demo.settings, WINE)["dataContract"]
    features = set(contract["columns"]) - {contract["label"]}
    drift = config.objective_config.prediction_drift_detection_config.drift_thresholds
    assert set(drift) == features
    assert all(0 < threshold.value <= 1 for threshold in drift.values())


def test_without_new_data_everything_after_check_freshness_is_skipped(skipped: SkippedRun):
    assert skipped.states.pop("check_freshness") == "success"
    assert set(skipped.states.values()) == {"skipped"}
    assert skipped.new_pipeline_jobs == set()


def test_check_freshness_scans_nothing_because_it_runs_no_query(skipped: SkippedRun):
    assert skipped.new_queries == set()


def test_new_rows_bring_a_new_model_and_update_the_same_monitoring_job(
    demo: Demo, first: RunRow, third: RunRow
):
    assert third.pipeline_job != first.pipeline_job
    assert int(third.data_version) > int(first.data_version)
    assert third.rows == first.rows + NEW_ROWS
    assert len(demo.vertex.pipeline_jobs(WINE)) == 2
    (new_model,) = third.serving.traffic
    assert third.serving.traffic == {new_model: 100}
    assert new_model not in first.serving.traffic
    assert third.serving.deployed_model_ids == [new_model]
    assert third.monitoring_job == first.monitoring_job
    job = demo.vertex.monitoring_job(third.monitoring_job)
    assert [c.deployed_model_id for c in job.model_deployment_monitoring_objective_configs] == [new_model]


def test_while_the_pipeline_runs_the_task_is_deferred_and_holds_no_worker_slot(demo: Demo, third: RunRow):
    occupied, deferred = zip(*demo.report.slot_samples, strict=True)

    assert set(occupied) == {0}
    assert max(deferred) == 1


def test_bad_rows_stop_the_run_before_any_pipeline_and_the_champion_keeps_serving(demo: Demo, third: RunRow):
    client = bigquery.Client(project=demo.settings.cloud.project)
    name = f"{demo.settings.dataset}.{WINE}_wine"
    client.query(f"INSERT INTO `{name}` (quality, alcohol) VALUES (11, CAST('NaN' AS FLOAT64))").result()
    run_id = demo.stack.airflow.trigger(DAG_ID)

    def probe() -> tuple[str, str | None]:
        state = demo.stack.airflow.run(DAG_ID, run_id)["state"]
        return state, state if state in ("success", "failed") else None

    ended = demo.progress.wait("the run on bad rows", probe, timeout=120, every=1)

    assert ended == "failed"
    states = demo.stack.airflow.task_states(DAG_ID, run_id)
    assert states["check_data"] == "failed"
    assert states["train"] == "upstream_failed"
    assert len(demo.vertex.pipeline_jobs(WINE)) == 2
    assert demo.vertex.serving(third.serving.endpoint).traffic == third.serving.traffic
