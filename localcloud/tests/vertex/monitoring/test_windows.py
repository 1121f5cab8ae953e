"""What one window of a monitoring job computes, writes and mails."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.cloud import bigquery, storage
from tests.vertex.monitoring.monitored import CONFIGS, DRIFT, SKEW, Monitored, Row
from tests.vertex.vertex_clients import BUCKET, Clients

from localcloud.testing import Cloud, MailSink, SampleModel

Draw = Callable[..., list[Row]]
Monitor = Callable[..., Monitored]
THRESHOLDS = {"alcohol": 0.3, "ph": 0.3}

# Reads a FeatureNameStatistics and an AnomalyInfo, as Vertex AI documents the files.
_READ = """
import sys
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
stats = statistics_pb2.FeatureNameStatistics.FromString(open(sys.argv[1], "rb").read())
anomaly = anomalies_pb2.AnomalyInfo.FromString(open(sys.argv[2], "rb").read())
print(stats.path.step[0], stats.num_stats.common_stats.num_non_missing, anomaly.path.step[0])
print(*[anomalies_pb2.AnomalyInfo.Type.Name(reason.type) for reason in anomaly.reason])
"""


def windows(monitored: Monitored, objective: Any) -> dict[str, list[v1.FeatureStatsAnomaly]]:
    """Return what was measured by feature, the oldest window first."""
    return {
        feature.feature_display_name: list(feature.prediction_stats)
        for record in monitored.search(objective)
        for feature in record.feature_stats
    }


@pytest.fixture(scope="module")
def drifted(monitor: Monitor, white_wines: list[Row], localcloud_mail: MailSink) -> Monitored:
    """Monitor alcohol and pH: the first window is ordinary, the second has stronger wine."""
    monitored = monitor(
        THRESHOLDS,
        model_monitoring_alert_config={"email_alert_config": {"user_emails": ["cellar@example.com"]}},
    )
    rows = white_wines[::5]
    monitored.ask_raw(rows)
    monitored.run_window()
    assert not localcloud_mail.messages
    monitored.ask_raw([{**row, "alcohol": row["alcohol"] + 2} for row in rows])
    monitored.run_window()
    return monitored


def test_only_features_with_a_threshold_are_measured(drifted: Monitored) -> None:
    assert set(windows(drifted, SKEW)) == set(windows(drifted, DRIFT)) == set(THRESHOLDS)


def test_skew_is_against_the_training_data_and_drift_against_the_window_before(drifted: Monitored) -> None:
    skew, drift = windows(drifted, SKEW), windows(drifted, DRIFT)

    # the first window has none before it
    assert [len(skew["alcohol"]), len(drift["alcohol"])] == [2, 1]
    before, after = skew["alcohol"]
    assert before.distribution_deviation < 0.1 < 0.3 < after.distribution_deviation
    assert drift["alcohol"][0].distribution_deviation > 0.3
    # the same pH in both windows
    assert drift["ph"][0].distribution_deviation == pytest.approx(0, abs=1e-6)
    assert before.end_time == after.start_time
    assert drifted.anomalies() == [("RAW_FEATURE_SKEW", "alcohol"), ("RAW_FEATURE_DRIFT", "alcohol")]


def test_statistics_and_anomalies_are_files_that_data_validation_reads(
    drifted: Monitored,
    pipeline_python: Path,
    bucket: storage.Bucket,
    white_wines: list[Row],
    tmp_path: Any,
) -> None:
    alcohol = windows(drifted, DRIFT)["alcohol"][0]
    base = f"gs://{BUCKET}/monitoring/model_monitoring/job-{drifted.job.rpartition('/')[2]}/serving/"
    assert alcohol.stats_uri.startswith(base)
    for number, uri in enumerate((alcohol.stats_uri, alcohol.anomaly_uri)):
        bucket.blob(uri.removeprefix(f"gs://{BUCKET}/")).download_to_filename(str(tmp_path / str(number)))

    read = subprocess.run(
        [pipeline_python, "-c", _READ, tmp_path / "0", tmp_path / "1"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip

    requests = len(white_wines[::5])
    assert read.stdout.splitlines() == [
        f"alcohol {requests} alcohol",
        "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH",
    ]


def test_the_alert_is_mailed_and_names_the_feature_alone(
    drifted: Monitored, localcloud_mail: MailSink
) -> None:
    alerts = [message for message in localcloud_mail.messages if message["To"] == "cellar@example.com"]

    assert len(alerts) == 1
    text = alerts[0].get_content()
    assert drifted.job in text
    assert "alcohol: RAW_FEATURE_SKEW 0." in text
    assert "alcohol: RAW_FEATURE_DRIFT 0." in text
    assert "ph:" not in text


def test_the_job_tells_of_its_last_and_its_next_run(drifted: Monitored) -> None:
    job = drifted.read()

    assert job.create_time < job.latest_monitoring_pipeline_metadata.run_time < datetime.now(UTC)
    assert not job.latest_monitoring_pipeline_metadata.status.message
    assert (job.next_schedule_time - job.create_time).total_seconds() == pytest.approx(3600, abs=5)
    assert job.schedule_state == v1.ModelDeploymentMonitoringJob.MonitoringScheduleState.OFFLINE
    table = job.bigquery_tables[0]
    assert table.bigquery_table_path == f"bq://local-project.{drifted.table}"
    assert (table.log_source.name, table.log_type.name) == ("SERVING", "PREDICT")


def test_a_search_finds_what_it_asks_for(drifted: Monitored, clients: Clients) -> None:
    last = windows(drifted, SKEW)["alcohol"][1]
    assert [record.anomaly_count for record in drifted.search()] == [1, 1]

    by_feature = drifted.search(feature_display_name="ph")
    assert [[feature.feature_display_name for feature in record.feature_stats] for record in by_feature] == [
        ["ph"],
        ["ph"],
    ]
    until = drifted.search(SKEW, end_time=last.start_time)
    assert [len(feature.prediction_stats) for feature in until[0].feature_stats] == [1, 1]
    assert drifted.search(start_time=datetime.now(UTC)) == []

    # pages of one entry together have what a single response has
    small = [
        (feature.feature_display_name, window.end_time)
        for record in drifted.search(SKEW, page_size=1)
        for feature in record.feature_stats
        for window in feature.prediction_stats
    ]
    assert len(small) == 4
    assert small == [(name, one.end_time) for name, found in windows(drifted, SKEW).items() for one in found]

    search = clients.jobs.search_model_deployment_monitoring_stats_anomalies
    for missing in ({"deployed_model_id": "1"}, {"objectives": [{"type_": SKEW}]}):
        with pytest.raises(exceptions.InvalidArgument, match="is required"):
            search({"model_deployment_monitoring_job": drifted.job, **missing})
    with pytest.raises(exceptions.NotFound):
        search(
            {
                "model_deployment_monitoring_job": f"{drifted.job}9",
                "deployed_model_id": "1",
                "objectives": [{"type_": SKEW}],
            }
        )


def test_serialized_examples_are_logged_and_give_no_feature(
    monitor: Monitor, clients: Clients, exported: SampleModel, cloud: Cloud
) -> None:
    monitored = monitor(THRESHOLDS)
    instance = {"examples": {"b64": exported.example}}

    clients.predictions.predict(endpoint=monitored.endpoint, instances=[instance])
    done = cloud.command("monitor", "run", monitored.job)

    assert (done.returncode, done.stdout) == (0, "no requests with features that are watched\n"), done.stderr
    assert monitored.search() == []
    logged = bigquery.Client().query_and_wait(f"SELECT request_payload FROM `{monitored.table}`")
    assert [[json.loads(text) for text in row["request_payload"]] for row in logged] == [[instance]]


def test_a_window_fails_in_one_line_when_the_training_data_are_gone(
    monitor: Monitor, draw: Draw, clients: Clients, cloud: Cloud
) -> None:
    monitored = monitor(THRESHOLDS)
    job = monitored.read()
    dataset = getattr(job, CONFIGS)[0].objective_config.training_dataset
    dataset.gcs_source.uris = [f"gs://{BUCKET}/nowhere/*"]
    clients.jobs.update_model_deployment_monitoring_job(
        model_deployment_monitoring_job=job, update_mask={"paths": [CONFIGS]}
    ).result(timeout=120)
    monitored.ask_raw(draw(10))

    done = cloud.command("monitor", "run", monitored.job)

    reason = f"There is no training data at gs://{BUCKET}/nowhere/*."
    assert (done.returncode, done.stderr) == (2, f"localcloud: {reason}\n")
    assert monitored.read().latest_monitoring_pipeline_metadata.status.message == reason


def test_a_paused_job_has_no_windows_and_logs_nothing(
    monitor: Monitor, draw: Draw, clients: Clients, cloud: Cloud
) -> None:
    monitored = monitor(THRESHOLDS)
    clients.jobs.pause_model_deployment_monitoring_job(name=monitored.job)

    monitored.ask_raw(draw(10))
    done = cloud.command("monitor", "run", monitored.job)

    assert done.returncode == 2
    assert "only a job in state JOB_STATE_RUNNING has windows" in done.stderr
    clients.jobs.resume_model_deployment_monitoring_job(name=monitored.job)
    assert monitored.run_window() == []


def test_what_is_older_than_the_job_keeps_it_is_deleted(monitor: Monitor, draw: Draw) -> None:
    # given a job that keeps an hour, which counts as a day, and a request of the day before yesterday
    monitored = monitor(THRESHOLDS, log_ttl={"seconds": 3600})
    tables = bigquery.Client()
    old = datetime.now(UTC) - timedelta(days=2)
    columns = (
        f"'old' AS deployed_model_id, TIMESTAMP '{old.isoformat()}' AS logging_time, ['1'] AS request_payload"
    )
    tables.query_and_wait(
        f"INSERT INTO `{monitored.table}` (deployed_model_id, logging_time, request_payload) SELECT {columns}"
    )

    monitored.ask_raw(draw(100))
    monitored.run_window()

    kept = tables.query_and_wait(f"SELECT deployed_model_id FROM `{monitored.table}`")
    assert [row["deployed_model_id"] for row in kept] == [monitored.deployed_id]


@pytest.mark.parametrize("source", ["table", "csv"])
def test_training_data_may_be_a_table_or_csv_files(
    monitor: Monitor,
    draw: Draw,
    clients: Clients,
    bucket: storage.Bucket,
    white_wines: list[Row],
    source: str,
) -> None:
    monitored = monitor(THRESHOLDS)
    job = monitored.read()
    dataset = getattr(job, CONFIGS)[0].objective_config.training_dataset
    if source == "table":
        tables = bigquery.Client()
        tables.create_dataset("training", exists_ok=True)
        tables.load_table_from_json(white_wines, "training.white").result()
        dataset.bigquery_source.input_uri = "bq://local-project.training.white"
    else:
        lines = [",".join(white_wines[0]), *(",".join(map(str, row.values())) for row in white_wines)]
        bucket.blob("csv/white.csv").upload_from_string("\n".join(lines))
        dataset.gcs_source.uris, dataset.data_format = [f"gs://{BUCKET}/csv/white.csv"], "csv"
    clients.jobs.update_model_deployment_monitoring_job(
        model_deployment_monitoring_job=job, update_mask={"paths": [CONFIGS]}
    ).result(timeout=120)

    monitored.ask_raw(draw(1000))
    monitored.ask_raw(draw(1000, alcohol=2.0))
    monitored.run_window()

    # half of the wines are stronger: a smaller distance than for all of them; pH is unchanged
    assert 0.05 < windows(monitored, SKEW)["alcohol"][0].distribution_deviation < 0.4
    assert windows(monitored, SKEW)["ph"][0].distribution_deviation < 0.05


def test_lists_are_read_by_the_analysis_schema_and_texts_by_l_infinity(
    monitor: Monitor, bucket: storage.Bucket
) -> None:
    # given a schema that names the entries of a list; what a client logs itself stands for a model that
    # takes lists
    schema = "type: array\nproperties:\n  grape: {type: string}\n  sugar: {type: number}\n"
    bucket.blob("schemas/list.yaml").upload_from_string(f"{schema}required: [sugar, grape]\n")
    monitored = monitor({}, default=0.3, analysis_instance_schema_uri=f"gs://{BUCKET}/schemas/list.yaml")
    tables = bigquery.Client()

    for grapes in (["riesling"] * 3 + ["silvaner"], ["riesling"] + ["silvaner"] * 3):
        row = {
            "deployed_model_id": monitored.deployed_id,
            "logging_time": datetime.now(UTC).isoformat(),
            "request_payload": [json.dumps([2.5, grape]) for grape in grapes],
            "response_payload": ["1"],
        }
        assert tables.insert_rows_json(f"local-project.{monitored.table}", [row]) == []
        monitored.run_window()

    # then the largest change of a share is the distance
    drift = windows(monitored, DRIFT)
    assert drift["grape"][0].distribution_deviation == pytest.approx(0.5)
    assert drift["sugar"][0].distribution_deviation == pytest.approx(0, abs=1e-6)


def test_a_deleted_job_leaves_no_results(monitor: Monitor, draw: Draw, clients: Clients) -> None:
    monitored = monitor(THRESHOLDS)
    monitored.ask_raw(draw(100))
    monitored.run_window()
    assert monitored.search()

    clients.jobs.pause_model_deployment_monitoring_job(name=monitored.job)
    clients.jobs.delete_model_deployment_monitoring_job(name=monitored.job).result(timeout=120)

    with pytest.raises(exceptions.NotFound):
        monitored.search()
