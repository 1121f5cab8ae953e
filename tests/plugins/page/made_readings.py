"""Values as the page reads them, made up where only the words are tested."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from vertex_mlops.page.readings import (
    Distance,
    Monitoring,
    Reading,
    Readings,
    Service,
    Table,
    Training,
    Version,
)
from vertex_mlops.page.sources import AirflowRun, RetrainedModel
from vertex_mlops.runs.pipeline_jobs import run_label

NOW = datetime(2025, 11, 25, 12, tzinfo=UTC)
DATA_VERSION = 1764028800000
MODEL = RetrainedModel(
    dag_id="wine_retraining_white",
    rollback_dag_id="wine_rollback_white",
    project_id="wine-local",
    region="europe-west1",
    dataset_id="wine_quality",
    table_id="white_wine",
    labels={"wine": "white"},
    pipeline_task_id="train",
    template_path="gs://b/specs/wine-white.json",
    gcp_conn_id="google_cloud_default",
    impersonation_chain=None,
)


def airflow_run(number: int = 1, **changes: Any) -> AirflowRun:
    run = AirflowRun(
        dag_id=MODEL.dag_id,
        run_id=f"manual__{number}",
        state="success",
        cause="manual",
        begun=NOW - timedelta(hours=10 - number),
        failed_tasks=[],
        skipped_because="",
        left_alone=False,
    )
    return run._replace(**changes)


def training(run: AirflowRun | None = None, **changes: Any) -> Training:
    """Return a pipeline job that has brought a better model; that of a run, if there is one."""
    name = run.run_id.rpartition("_")[2] if run else "alone"
    made = Training(
        job_id=f"job-{name}",
        url=f"https://console/{name}",
        state="SUCCEEDED",
        created=run.begun if run else NOW - timedelta(days=1),
        data_version=DATA_VERSION,
        run=run_label(run) if run else "",  # type: ignore[arg-type]
        blessed=True,
        verdict="blessed",
        reason="",
        metrics={"mad": 0.5, "examples": 980.0, "champion_mad": 0.52},
        card_url=None,
    )
    return made._replace(**changes)


def version(number: int, *aliases: str, traffic: int = 0, **changes: Any) -> Version:
    made = Version(
        id=str(number),
        aliases=frozenset(aliases),
        job_id=f"job-{number}",
        data_version=DATA_VERSION,
        traffic=traffic,
        deployed_model_id=f"10{number}" if traffic else None,
    )
    return made._replace(**changes)


def distance(feature: str, value: float, **changes: Any) -> Distance:
    made = Distance(
        deployed_model_id="101",
        objective="skew",
        feature=feature,
        distance=value,
        threshold=0.3,
        end=NOW - timedelta(hours=1),
    )
    return made._replace(**changes)


def monitoring(*distances: Distance, **changes: Any) -> Monitoring:
    return Monitoring("https://console/monitoring", "RUNNING", "", True, list(distances))._replace(**changes)


def readings(**changes: Any) -> Readings:
    """Return a first champion that serves and is fresh, and is not watched yet."""
    made = Readings(
        table=Reading(Table(DATA_VERSION, 4898, "https://console/table")),
        trainings=Reading([training()]),
        service=Reading(
            Service("wine-white", "https://console/e", "", [version(1, "champion", traffic=100)])
        ),
        monitoring=Reading(None),
        moment=NOW,
    )
    return made._replace(**changes)
