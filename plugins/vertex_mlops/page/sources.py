"""What Airflow's own database knows of the models that are kept fresh, and of the runs that do it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from airflow.models.asset import AssetEvent, AssetModel, DagScheduleAssetReference
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

# DAGs of other subjects are not unpacked
TAG = "vertex-ai"
_FRESHNESS = "BigQueryTableFreshnessOperator"
_PIPELINE = "RunPipelineJobOnceOperator"
_CONTRACT_CHECK = "BigQueryDataContractCheckOperator"
_ROLLBACK = "GetPreviousModelVersionOperator"
# XCom of a task that skips what comes behind it
SKIP_REASON = "skipped_because"
_MOST_RUNS = 50
_MOST_EVENTS = 20


class RetrainedModel(NamedTuple):
    """
    A model that a DAG keeps fresh, and where it lives.

    :param dag_id: the DAG that retrains it.
    :param rollback_dag_id: the DAG that gives the traffic back to the model of before; None if there is none.
    :param project_id: Google Cloud project.
    :param region: of Vertex AI.
    :param dataset_id: BigQuery data set.
    :param table_id: table that it learns from.
    :param labels: of the pipeline jobs that learn from this table.
    :param template_path: ``gs://`` URI of the compiled pipeline file that new runs use, or of a pointer to
        it.
    :param gcp_conn_id: connection ID of Google Cloud.
    :param impersonation_chain: service accounts to impersonate.
    """

    dag_id: str
    rollback_dag_id: str | None
    project_id: str
    region: str
    dataset_id: str
    table_id: str
    labels: dict[str, str]
    template_path: str
    gcp_conn_id: str
    impersonation_chain: str | Sequence[str] | None


class AirflowRun(NamedTuple):
    """
    One run of a DAG.

    :param dag_id: of the DAG.
    :param run_id: of the run.
    :param state: its name: ``success``.
    :param cause: what started it: ``manual``, ``scheduled``, ``asset_triggered``.
    :param begun: when it was asked for.
    :param failed_tasks: ids of its tasks that failed.
    :param skipped_because: why a task has skipped what comes behind it; empty if none has.
    """

    dag_id: str
    run_id: str
    state: str
    cause: str
    begun: datetime
    failed_tasks: list[str]
    skipped_because: str


class AssetSignal(NamedTuple):
    """
    An asset event that a retraining DAG listens to.

    :param moment: when it was emitted.
    :param extra: what it says.
    :param source: dag id and run id of the run that emitted it; None if it came from elsewhere.
    :param started: dag id and run id of each run that it started.
    """

    moment: datetime
    extra: dict[str, Any]
    source: tuple[str, str] | None
    started: list[tuple[str, str]]


def run_path(dag_id: str, run_id: str) -> str:
    """Path of a run's page, from the page of the models."""
    return f"../dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def read_models(session: Session, readable: Collection[str]) -> list[RetrainedModel]:
    """
    Find the models that are kept fresh, in the DAGs as Airflow has parsed them last.

    The API server has neither the DAG files nor, on Composer, their modules; the parsed DAGs it always has.

    :param session: of Airflow's database.
    :param readable: ids of the DAGs to look at.
    """
    tagged = select(DagModel.dag_id).join(DagTag).where(DagTag.name == TAG, ~DagModel.is_stale)
    wanted = [dag_id for dag_id in session.scalars(tagged) if dag_id in readable]
    rows = SerializedDagModel.get_latest_serialized_dags(dag_ids=wanted, session=session)
    tasks: dict[str, dict[str, Any]] = {
        row.dag_id: {task.task_type: task for task in row.dag.tasks} for row in rows
    }
    rollbacks = {
        dag_id: of_type[_ROLLBACK].pipeline_job_labels
        for dag_id, of_type in tasks.items()
        if _ROLLBACK in of_type
    }
    needed = {_FRESHNESS, _CONTRACT_CHECK, _PIPELINE}
    return [
        _model(dag_id, of_type[_FRESHNESS], of_type[_CONTRACT_CHECK], rollbacks)
        for dag_id, of_type in sorted(tasks.items())
        if needed <= set(of_type)
    ]


def read_runs(session: Session, model: RetrainedModel) -> list[AirflowRun]:
    """
    Read the newest runs of a model's DAGs, newest first.

    :param session: of Airflow's database.
    :param model: whose runs.
    """
    dag_ids = [dag_id for dag_id in (model.dag_id, model.rollback_dag_id) if dag_id]
    newest = select(DagRun).where(DagRun.dag_id.in_(dag_ids)).order_by(DagRun.run_after.desc())
    runs = list(session.scalars(newest.limit(_MOST_RUNS)))
    failed, reasons = _failed_tasks(session, runs), _skip_reasons(session, runs)
    return [
        AirflowRun(
            run.dag_id,
            run.run_id,
            str(run.state),
            str(run.run_type),
            run.run_after,
            failed[run.dag_id, run.run_id],
            reasons.get(run.id, ""),
        )
        for run in runs
    ]


def read_events(session: Session, model: RetrainedModel) -> list[AssetSignal]:
    """
    Read the newest events of the assets that the model's DAG is scheduled by, newest first.

    :param session: of Airflow's database.
    :param model: whose events.
    """
    names = (
        select(AssetModel.name)
        .join(DagScheduleAssetReference, DagScheduleAssetReference.asset_id == AssetModel.id)
        .where(DagScheduleAssetReference.dag_id == model.dag_id)
    )
    # under its name also what happened while the asset had another URI
    assets = select(AssetModel.id).where(AssetModel.name.in_(names))
    newest = select(AssetEvent).where(AssetEvent.asset_id.in_(assets)).order_by(AssetEvent.timestamp.desc())
    return [
        AssetSignal(
            event.timestamp,
            event.extra,
            (event.source_dag_id, event.source_run_id)
            if event.source_dag_id and event.source_run_id
            else None,
            [(run.dag_id, run.run_id) for run in event.created_dagruns if run.dag_id == model.dag_id],
        )
        for event in session.scalars(newest.limit(_MOST_EVENTS))
    ]


def _model(dag_id: str, freshness: Any, check: Any, rollbacks: dict[str, dict[str, str]]) -> RetrainedModel:
    labels = freshness.pipeline_job_labels
    return RetrainedModel(
        dag_id=dag_id,
        rollback_dag_id=next((name for name, others in rollbacks.items() if others == labels), None),
        project_id=freshness.project_id,
        region=freshness.region,
        dataset_id=freshness.dataset_id,
        table_id=freshness.table_id,
        labels=labels,
        template_path=check.template_path,
        gcp_conn_id=freshness.gcp_conn_id,
        impersonation_chain=freshness.impersonation_chain,
    )


def _failed_tasks(session: Session, runs: Iterable[DagRun]) -> dict[tuple[str, str], list[str]]:
    query = (
        select(TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id)
        .where(TaskInstance.run_id.in_({run.run_id for run in runs}))
        .where(TaskInstance.dag_id.in_({run.dag_id for run in runs}))
        .where(TaskInstance.state == TaskInstanceState.FAILED)
    )
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for dag_id, run_id, task_id in session.execute(query):
        found[dag_id, run_id].append(task_id)
    return found


def _skip_reasons(session: Session, runs: Iterable[DagRun]) -> dict[int, str]:
    query = select(XComModel).where(
        XComModel.dag_run_id.in_({run.id for run in runs}), XComModel.key == SKIP_REASON
    )
    return {found.dag_run_id: str(XComModel.deserialize_value(found)) for found in session.scalars(query)}
