"""Rollouts, rejected ones, and manual rollbacks; with real models."""

from __future__ import annotations

import json
import re

import pytest
from google.cloud import aiplatform_v1, storage

from dev.demo.publish import read_spec
from dev.demo.report import RunRow
from dev.demo.train import DAG_ID, WINE, Demo
from dev.demo.wine_data import append_vintage, bigquery_client
from dev.faults.replay import made_by, replay
from tests.e2e.demo_runs import finish
from tests.support.dag_runs import DagRun
from tests.support.flow import RETIRE, ROLLOUT, WATCH
from tests.support.published import upload_spec

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
ROLLBACK = f"wine_rollback_{WINE}"
STEPS = (10, 50, 100)
# the tasks of the pipeline that evaluate a model
JUDGES = {"Evaluator", "MetricsReporter", "ModelCard"}


def versions(demo: Demo) -> dict[str, aiplatform_v1.Model]:
    """Return the versions of the wine's model, by the name that XComs use."""
    client = aiplatform_v1.ModelServiceClient(client_options={"api_endpoint": demo.vertex.host})
    parent = f"{demo.vertex.parent}/models/wine-{WINE}"
    return {f"{parent}@{model.version_id}": model for model in client.list_model_versions(name=parent)}


def with_alias(demo: Demo, alias: str) -> str | None:
    found = [name for name, model in versions(demo).items() if alias in model.version_aliases]
    return found[0] if found else None


def watched(demo: Demo, monitoring_job: str) -> list[str]:
    job = demo.vertex.monitoring_job(monitoring_job)
    return [config.deployed_model_id for config in job.model_deployment_monitoring_objective_configs]


@pytest.fixture(scope="module")
def second(demo: Demo, third: RunRow) -> DagRun:
    """Run a retraining on more rows, whose model replaces the first."""
    bigquery_client(demo.settings).query(
        f"DELETE FROM `{demo.settings.table(WINE)}` WHERE quality > 10"
    ).result()
    return finish(demo, DAG_ID, third.run_id)


def test_a_new_model_takes_the_traffic_in_steps_and_is_verified_in_each(demo: Demo, second: DagRun) -> None:
    assert second.state == "success", second.states
    assert {second.states[task] for task in [*ROLLOUT, *WATCH, RETIRE]} == {"success"}
    assert second.states["roll_back"] == "skipped"
    for step in STEPS:
        assert second.xcom(f"traffic_{step}")["percent"] == step
        seen = second.xcom(f"verify_{step}")
        assert seen["requests"] >= 20
        assert (seen["failed"], len(seen["predictions"])) == (0, 3)
        # no other client sends requests
        assert seen["decided_by"] == "probes"


def test_the_versions_lie_under_one_model_and_tell_where_they_come_from(
    demo: Demo, first: RunRow, second: DagRun
) -> None:
    champion = with_alias(demo, "champion")

    assert champion == second.xcom("upload")["model_version"]
    labels = versions(demo)[str(champion)].labels
    assert labels["wine"] == WINE
    assert labels["data_version"] == second.xcom("train")["data_version"]
    assert labels["blessed"] == "true"
    assert labels["git_revision"] == read_spec(demo.settings, WINE)["serving"]["git_revision"]
    previous = versions(demo)[str(with_alias(demo, "previous"))]
    assert previous.version_description == first.pipeline_job


def test_the_model_of_before_is_undeployed(demo: Demo, first: RunRow, second: DagRun) -> None:
    state = demo.vertex.serving(first.serving.endpoint)

    new = second.xcom("deploy")["deployed_model_id"]
    assert state.traffic == {new: 100}
    assert state.deployed_model_ids == [new]
    assert watched(demo, first.monitoring_job) == [new]


@pytest.fixture(scope="module")
def rejected(demo: Demo, trained: aiplatform_v1.PipelineJob, second: DagRun) -> DagRun:
    """Run a retraining whose model was blessed, but whose files have changed before it is deployed."""
    spoilt = f"gs://{demo.settings.bucket}/spoilt/model"
    copy_folder(second.xcom("train")["model_uri"], spoilt)
    made = made_by(trained)
    made["MetricsReporter"]["metrics"]["metadata"]["model_uri"] = spoilt
    upload_spec(demo.settings, WINE, replay(read_spec(demo.settings, WINE), made))
    append_vintage(demo.settings, WINE, 100, seed=12)
    return finish(demo, DAG_ID, demo.stack.airflow.trigger(DAG_ID))


def copy_folder(source: str, target: str) -> None:
    """Copy the files of one gs:// folder to another."""
    bucket_name, _, prefix = source.removeprefix("gs://").partition("/")
    bucket = storage.Client().bucket(bucket_name)
    for blob in list(bucket.list_blobs(prefix=f"{prefix}/")):
        name = target.removeprefix(f"gs://{bucket_name}/") + blob.name.removeprefix(prefix)
        bucket.copy_blob(blob, bucket, name)


def test_a_model_that_does_not_answer_as_evaluated_fails_at_the_first_step(
    demo: Demo, rejected: DagRun
) -> None:
    assert rejected.state == "failed"
    assert rejected.states["traffic_10"] == "success"
    assert rejected.states["verify_10"] == "failed"
    assert rejected.states["roll_back"] == "success"
    assert {rejected.states[task] for task in ("traffic_50", "traffic_100", "promote", *WATCH, RETIRE)} == {
        "upstream_failed"
    }
    assert "the offline evaluation has" in rejected.log("verify_10")


def test_the_champion_has_all_traffic_again_and_the_rejected_model_is_gone(
    demo: Demo, first: RunRow, second: DagRun, rejected: DagRun
) -> None:
    state = demo.vertex.serving(first.serving.endpoint)

    champion = second.xcom("deploy")["deployed_model_id"]
    assert state.traffic == {champion: 100}
    assert state.deployed_model_ids == [champion]
    assert watched(demo, first.monitoring_job) == [champion]
    assert with_alias(demo, "champion") == second.xcom("upload")["model_version"]


@pytest.fixture(scope="module")
def double_click(demo: Demo, second: DagRun, rejected: DagRun) -> tuple[DagRun, DagRun]:
    """Trigger the rollback DAG, and again while it runs."""
    demo.stack.airflow.unpause(ROLLBACK)
    runs = [demo.stack.airflow.trigger(ROLLBACK) for _ in range(2)]
    one, other = (finish(demo, ROLLBACK, run_id) for run_id in runs)
    return one, other


@pytest.fixture(scope="module")
def by_hand(double_click: tuple[DagRun, DagRun]) -> DagRun:
    return double_click[0]


def test_one_click_gives_the_traffic_back_to_the_champion_of_before(
    demo: Demo, first: RunRow, second: DagRun, by_hand: DagRun
) -> None:
    assert by_hand.state == "success", by_hand.states
    back = by_hand.xcom("deploy")
    state = demo.vertex.serving(first.serving.endpoint)
    assert state.traffic == {back["deployed_model_id"]: 100}
    assert state.deployed_model_ids == [back["deployed_model_id"]]
    champion = with_alias(demo, "champion")
    assert versions(demo)[str(champion)].version_description == first.pipeline_job
    assert with_alias(demo, "previous") == second.xcom("upload")["model_version"]


def test_monitoring_follows_back(demo: Demo, first: RunRow, by_hand: DagRun) -> None:
    (objective,) = demo.vertex.monitoring_job(
        first.monitoring_job
    ).model_deployment_monitoring_objective_configs

    assert objective.deployed_model_id == by_hand.xcom("deploy")["deployed_model_id"]
    source = objective.objective_config.training_dataset.gcs_source.uris[0]
    assert source.startswith(by_hand.xcom("find_previous")["training_examples"])


def test_the_model_that_was_left_is_not_trained_again_by_itself(demo: Demo, by_hand: DagRun) -> None:
    jobs = len(demo.vertex.pipeline_jobs(WINE))

    following = finish(demo, DAG_ID, demo.stack.airflow.trigger(DAG_ID))

    assert following.state == "success"
    assert following.states["train"] == "skipped"
    assert len(demo.vertex.pipeline_jobs(WINE)) == jobs


def test_a_second_click_meanwhile_changes_nothing(demo: Demo, double_click: tuple[DagRun, DagRun]) -> None:
    by_hand, again = double_click

    assert (again.state, set(again.states.values())) == ("success", {"skipped"})
    assert "has become the champion after this run was triggered" in again.log("find_previous")
    # one name has the project id, the other the project number
    chosen = by_hand.xcom("find_previous")["model_version"].rpartition("/")[2]
    assert str(with_alias(demo, "champion")).rpartition("/")[2] == chosen


def judge_anew(
    demo: Demo, trained: aiplatform_v1.PipelineJob, setting: str, value: str, seed: int
) -> tuple[DagRun, str]:
    """Evaluate the first training by another setting; return the run, and why the gate skipped."""
    spec = read_spec(demo.settings, WINE)
    text, changed = re.subn(setting, rf"\g<1>{value}", json.dumps(spec))
    assert changed
    made = made_by(trained)
    for task in JUDGES:
        del made[task]
    upload_spec(demo.settings, WINE, replay(json.loads(text), made))
    append_vintage(demo.settings, WINE, 100, seed=seed)
    ended = finish(demo, DAG_ID, demo.stack.airflow.trigger(DAG_ID))
    upload_spec(demo.settings, WINE, spec)
    return ended, ended.xcom("gate", "skipped_because")


@pytest.fixture(scope="module")
def not_judged(demo: Demo, trained: aiplatform_v1.PipelineJob, by_hand: DagRun) -> tuple[DagRun, str]:
    """Run a retraining with a minimum of eval rows that its split does not reach."""
    return judge_anew(demo, trained, r"(min_eval_rows\W+)150", "100000", seed=12)


@pytest.fixture(scope="module")
def not_blessed(
    demo: Demo, trained: aiplatform_v1.PipelineJob, not_judged: tuple[DagRun, str]
) -> tuple[DagRun, str]:
    """Run a retraining whose model misses a bound of the evaluation."""
    return judge_anew(demo, trained, r"(upper_bound\W+)0\.7\b", "0.1", seed=13)


def assert_green_without_rollout(ended: DagRun) -> None:
    assert ended.state == "success"
    assert ended.states["train"] == "success"
    later = ["gate", *ROLLOUT, "roll_back", *WATCH, RETIRE]
    assert {ended.states[task] for task in later} == {"skipped"}


def test_a_model_that_is_not_blessed_skips_the_rollout_and_says_why(
    not_blessed: tuple[DagRun, str],
) -> None:
    ended, reason = not_blessed

    assert_green_without_rollout(ended)
    assert re.search(r"^not blessed: mean_absolute_error of grade is 0\.\d+, must be at most 0\.1; ", reason)


def test_a_model_that_too_few_rows_tell_of_skips_the_rollout_as_not_judged(
    not_judged: tuple[DagRun, str],
) -> None:
    ended, reason = not_judged

    assert_green_without_rollout(ended)
    assert re.fullmatch(
        r"not judged: the eval split has \d+ distinct rows, a verdict needs 100000; the champion stays",
        reason,
    )


def test_after_it_the_champion_stays_and_the_data_has_been_seen(
    demo: Demo, first: RunRow, by_hand: DagRun, not_blessed: tuple[DagRun, str]
) -> None:
    champion = by_hand.xcom("deploy")["deployed_model_id"]
    assert demo.vertex.serving(first.serving.endpoint).traffic == {champion: 100}

    following = finish(demo, DAG_ID, demo.stack.airflow.trigger(DAG_ID))

    assert following.states["train"] == "skipped"
