"""Manual runs with parameters, and the links of their tasks; on a separate wine."""

from __future__ import annotations

import copy
import gzip
import re
import struct
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from google.cloud import storage
from google.cloud.aiplatform_v1.types import Artifact, PipelineJob
from vertex_mlops.runs.pipeline_results import read_result

from dev.demo.publish import read_spec
from dev.demo.train import WINE as TRAINED_WINE
from dev.demo.train import Demo
from dev.demo.wine_data import append_vintage, bigquery_client, load_wine
from dev.faults.replay import Made, made_by, renamed, replay
from dev.stack.airflow_api import AirflowApiError
from dev.stack.settings import StackSettings
from tests.e2e.demo_runs import finish
from tests.support.dag_runs import DagRun
from tests.support.flow import FLOW, ROLL_BACK, ROLLED_OUT, TEARDOWN
from tests.support.published import upload_spec

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
WINE = "red"
DAG_ID = f"wine_retraining_{WINE}"
# states of the later tasks of a run that stops after one of the first
LATER = dict.fromkeys([*FLOW[1:], ROLL_BACK], "skipped")


@dataclass
class Table:
    """
    The red wines, in two states.

    :param past: data version of the 1,599 rows of UCI.
    :param present: data version after a vintage was added.
    """

    past: int
    present: int


@dataclass(frozen=True)
class ManualRun(DagRun):
    """
    A run that a person triggered, at its end.

    :param trained: data version of each pipeline job that there was, oldest first.
    :param deferred_links: links of the task ``train`` while it waited.
    """

    trained: list[int]
    deferred_links: dict[str, str | None]


@pytest.fixture(scope="module")
def table(demo: Demo, trained: PipelineJob) -> Table:
    """Load the wines, and publish a pipeline that reads them and replays the first training."""
    load_wine(demo.settings, WINE)
    past = version(demo)
    append_vintage(demo.settings, WINE, 100, seed=3)
    made = made_by(trained)
    del made["BigQueryExampleGen"]
    spec = renamed(read_spec(demo.settings, TRAINED_WINE), f"wine-{WINE}")
    upload_spec(demo.settings, WINE, replay(spec, made))
    demo.stack.airflow.unpause(DAG_ID)
    return Table(past=past, present=version(demo))


def version(demo: Demo) -> int:
    table = bigquery_client(demo.settings).get_table(demo.settings.table(WINE))
    return int(table.to_api_repr()["lastModifiedTime"])


def trigger(demo: Demo, **conf: Any) -> str:
    body = {"logical_date": None, "conf": conf}
    return str(demo.stack.airflow.call("POST", f"/dags/{DAG_ID}/dagRuns", body)["dag_run_id"])


def run(demo: Demo, **conf: Any) -> ManualRun:
    """Trigger a run and wait for its end."""
    run_id = trigger(demo, **conf)
    deferred: dict[str, str | None] = {}

    def watch(going_on: DagRun, states: dict[str, str]) -> None:
        if states.get("train") == "deferred" and not any(deferred.values()):
            deferred.update(going_on.links("train"))

    ended = finish(demo, DAG_ID, run_id, watch)
    trained = [int(job.labels["data_version"]) for job in demo.vertex.pipeline_jobs(WINE)]
    return ManualRun(**vars(ended), trained=trained, deferred_links=deferred)


def only_job(demo: Demo) -> PipelineJob:
    """Return the wine's one pipeline job, with its tasks."""
    (listed,) = demo.vertex.pipeline_jobs(WINE)
    return demo.vertex.pipeline_job(listed.name)


def outputs(job: PipelineJob) -> dict[str, dict[str, list[Artifact]]]:
    """Return the artifacts that each task of a job has made, by output."""
    return {
        task.task_name: {name: list(output.artifacts) for name, output in task.outputs.items()}
        for task in job.job_detail.task_details
    }


def titles(made: dict[str, dict[str, list[Artifact]]]) -> dict[str, dict[str, list[str]]]:
    """Return the types of the artifacts."""
    return {
        task: {name: [artifact.schema_title for artifact in artifacts] for name, artifacts in found.items()}
        for task, found in made.items()
    }


def count_records(settings: StackSettings, uri: str) -> int:
    """
    Count the records in the TFRecord files below a folder.

    A record is its length in eight bytes, four bytes of checksum, the data, and four more:
    https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
    """
    bucket = storage.Client(project=settings.cloud.project).bucket(settings.bucket)
    count = 0
    for blob in bucket.list_blobs(prefix=uri.removeprefix(f"gs://{bucket.name}/")):
        data = gzip.decompress(blob.download_as_bytes())
        at = 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            at += 8 + 4 + length + 4
            count += 1
    return count


def page(url: str | None) -> requests.Response:
    """Open a page as a browser on this machine does."""
    assert url
    session = requests.Session()
    session.trust_env = False
    return session.get(url, timeout=60)


@pytest.fixture(scope="module")
def dry(demo: Demo, table: Table) -> ManualRun:
    """Run a dry run before any training."""
    return run(demo, dry_run=True)


@pytest.fixture(scope="module")
def past(demo: Demo, table: Table, dry: ManualRun) -> ManualRun:
    """Run a training on a past state of the table."""
    return run(demo, data_version=table.past)


@pytest.mark.parametrize(
    "conf",
    [{"force": "yes"}, {"dry_run": 1}, {"data_version": "yesterday"}, {"data_version": 1764028800}],
    ids=str,
)
def test_a_wrong_value_is_refused_by_its_name_and_no_run_is_made(
    demo: Demo, table: Table, conf: dict[str, Any]
) -> None:
    before = demo.stack.airflow.call("GET", f"/dags/{DAG_ID}/dagRuns")["total_entries"]

    with pytest.raises(AirflowApiError, match=f" 4[0-9][0-9] .*{next(iter(conf))}"):
        trigger(demo, **conf)

    assert demo.stack.airflow.call("GET", f"/dags/{DAG_ID}/dagRuns")["total_entries"] == before


def test_a_dry_run_looks_at_the_data_and_makes_nothing(demo: Demo, table: Table, dry: ManualRun) -> None:
    looked = dict.fromkeys(["check_freshness", "check_data", TEARDOWN], "success")
    assert dry.states == LATER | looked
    assert dry.xcom("check_data")["rows"] == 1699
    assert dry.trained == []


def test_a_dry_run_tells_the_job_that_would_be_submitted(demo: Demo, table: Table, dry: ManualRun) -> None:
    told = dry.log("train")

    assert re.search(rf"/specs/wine-{WINE}/[0-9a-f]{{12}}\.json", told)
    assert f"/pipeline_root/wine-{WINE}" in told
    assert f"TIMESTAMP_MILLIS({table.present + 1})" in told
    assert f"'wine': '{WINE}'" in told
    assert "could be submitted, and was not" in told


def test_a_task_that_made_nothing_has_no_link(demo: Demo, dry: ManualRun) -> None:
    tasks = ("train", "upload", "deploy", "verify_10", "retire", "monitor", "monitor_settled")
    found = {task: dry.links(task) for task in tasks}

    assert all(found.values())
    assert {url for urls in found.values() for url in urls.values()} == {None}


def test_a_run_on_a_data_version_trains_on_the_table_as_it_was(
    demo: Demo, table: Table, past: ManualRun
) -> None:
    assert past.states == ROLLED_OUT
    assert past.xcom("check_data")["rows"] == 1599
    job = only_job(demo)
    assert job.labels["data_version"] == str(table.past)
    query = dict(job.runtime_config.parameter_values)["input_config"]
    assert f"TIMESTAMP_MILLIS({table.past + 1})" in query


def test_the_pipeline_has_read_the_table_as_it_was(demo: Demo, past: ManualRun) -> None:
    job = only_job(demo)

    (examples,) = outputs(job)["BigQueryExampleGen"]["examples"]

    assert count_records(demo.settings, examples.uri) == 1599


def without_champion(made: Made) -> Made:
    """Return the tasks' outputs without the champion of the comparison: a replay names none."""
    made = copy.deepcopy(made)
    for found in made.values():
        for artifact in found.values():
            artifact["metadata"].pop("champion_version", None)
    return made


def test_a_replayed_pipeline_tells_what_the_training_did(
    demo: Demo, past: ManualRun, trained: PipelineJob
) -> None:
    job = only_job(demo)

    replayed, original = outputs(job), outputs(trained)
    made, wanted = (without_champion(made_by(each)) for each in (job, trained))
    # this task is not replayed
    del replayed["BigQueryExampleGen"], original["BigQueryExampleGen"]
    assert made | {"BigQueryExampleGen": {}} == wanted | {"BigQueryExampleGen": {}}
    assert titles(replayed) == titles(original)
    assert job.state == trained.state
    assert job.labels.keys() == trained.labels.keys()
    result, first = read_result(job), read_result(trained)
    differing = {key for key, value in result.items() if value != dict(first)[key]}
    assert differing == {"name", "data_version", "training_examples", "champion_version"}


def test_while_the_pipeline_runs_its_page_is_one_click_away(demo: Demo, past: ManualRun) -> None:
    job = only_job(demo)

    page_of_job = past.links("train")["Pipeline Job"]
    # there is no card yet
    assert past.deferred_links == {"Pipeline Job": page_of_job, "Model Card": None}
    assert f"/pipelines/runs/{job.name.rpartition('/')[2]}?" in str(page_of_job)


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("check_freshness", {"BigQuery Table"}),
        ("check_data", {"BigQuery Table"}),
        ("train", {"Pipeline Job", "Model Card"}),
        ("gate", {"Model Card"}),
        ("upload", {"Vertex AI Model"}),
        ("deploy", {"Endpoint"}),
        ("traffic_10", {"Endpoint"}),
        ("verify_10", {"Endpoint"}),
        ("promote", {"Vertex AI Model"}),
        ("retire", {"Endpoint"}),
        ("monitor", {"Endpoint", "Model Monitoring Job"}),
        ("monitor_settled", {"Model Monitoring Job"}),
    ],
)
def test_every_button_opens_a_page_of_localcloud(
    demo: Demo, past: ManualRun, task: str, names: set[str]
) -> None:
    found = past.links(task)

    assert set(found) == names
    for url in found.values():
        assert str(url).startswith(f"http://127.0.0.1:{demo.settings.cloud_port}/")
        assert page(url).status_code == 200


def test_the_same_data_version_again_is_skipped(demo: Demo, table: Table, past: ManualRun) -> None:
    again = run(demo, data_version=table.past)

    assert again.states == {**LATER, "check_freshness": "success", TEARDOWN: "skipped"}


def test_the_next_run_without_a_data_version_would_train_on_the_present_table(
    demo: Demo, table: Table, past: ManualRun
) -> None:
    following = run(demo, dry_run=True)

    freshness = following.xcom("check_freshness")
    assert (freshness["data_version"], freshness["last_trained_version"]) == (table.present, table.past)
    assert following.states["check_data"] == "success"
    assert following.trained == [table.past]


def test_a_data_version_of_the_future_fails_at_once_and_says_which_limit(
    demo: Demo, table: Table, past: ManualRun
) -> None:
    refused = run(demo, data_version=table.present + 1)

    later = dict.fromkeys(FLOW[1:], "upstream_failed")
    assert refused.states == {**later, "check_freshness": "failed", TEARDOWN: "success", ROLL_BACK: "skipped"}
    told = refused.log("check_freshness")
    assert f"data_version {table.present + 1} " in told
    assert f"is newer than the table's last change, {table.present} " in told
