"""Read the retrained models, their runs and their asset events from Airflow's own database."""

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
from airflow.models.xcom import XCOM_RETURN_KEY, XComModel
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select

from vertex_mlops.runs.pipeline_jobs import SUBMISSION_KEY

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

# DAGs without this tag are not deserialized
TAG = "vertex-ai"
_FRESHNESS = "BigQueryTableFreshnessOperator"
_PIPELINE = "RunPipelineJobOnceOperator"
_CONTRACT_CHECK = "BigQueryDataContractCheckOperator"
_ROLLBACK = "GetPreviousModelVersionOperator"
# XCom of a task that skips its downstream tasks
SKIP_REASON = "skipped_because"
_MOST_RUNS = 50
_MOST_EVENTS = 20


class RetrainedModel(NamedTuple):
    """
    A model that a DAG retrains, and its location.

    :param dag_id: the DAG that retrains it.
    :param rollback_dag_id: the DAG that rolls back to the previous champion; None if there is none.
    :param project_id: Google Cloud project.
    :param region: region of Vertex AI.
    :param dataset_id: BigQuery data set.
    :param table_id: table that it is trained on.
    :param labels: of the pipeline jobs that train on this table.
    :param pipeline_task_id: the task that runs such a job.
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
    pipeline_task_id: str
    template_path: str
    gcp_conn_id: str
    impersonation_chain: str | Sequence[str] | None


class AirflowRun(NamedTuple):
    """
    One run of a DAG.

    :param dag_id: ID of the DAG.
    :param run_id: ID of the run.
    :param state: its name: ``success``.
    :param cause: what started it: ``manual``, ``scheduled``, ``asset_triggered``.
    :param begun: when it was due.
    :param failed_tasks: ids of its tasks that failed.
    :param skipped_because: why a task has skipped its downstream tasks; empty if none has.
    :param left_alone: whether the task that ran the pipeline job has ended without the job's result, for
        example because it was marked manually.
    """

    dag_id: str
    run_id: str
    state: str
    cause: str
    begun: datetime
    failed_tasks: list[str]
    skipped_because: str
    left_alone: bool


class AssetSignal(NamedTuple):
    """
    An asset event that schedules a retraining DAG.

    :param moment: when it was emitted.
    :param extra: its content.
    :param source: dag id and run id of the run that emitted it; None if it came from elsewhere.
    :param started: dag id and run id of each run that it started.
    """

    moment: datetime
    extra: dict[str, Any]
    source: tuple[str, str] | None
    started: list[tuple[str, str]]


def run_path(dag_id: str, run_id: str) -> str:
    """Return the path of a run's page, relative to the page Models."""
    return f"../dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def read_models(session: Session, readable: Collection[str]) -> list[RetrainedModel]:
    """
    Find the retrained models in the DAGs as Airflow has last parsed them.

    The API server has neither the DAG files nor, on Composer, their modules, but always the parsed DAGs.

    :param session: of Airflow's database.
    :param readable: ids of the DAGs to search.
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
        _model(dag_id, of_type, rollbacks)
        for dag_id, of_type in sorted(tasks.items())
        if needed <= set(of_type)
    ]


def read_runs(session: Session, model: RetrainedModel) -> list[AirflowRun]:
    """
    Read the newest runs of a model's DAGs, newest first.

    :param session: of Airflow's database.
    :param model: the model.
    """
    dag_ids = [dag_id for dag_id in (model.dag_id, model.rollback_dag_id) if dag_id]
    newest = select(DagRun).where(DagRun.dag_id.in_(dag_ids)).order_by(DagRun.run_after.desc())
    runs = list(session.scalars(newest.limit(_MOST_RUNS)))
    failed, reasons = _failed_tasks(session, runs), _skip_reasons(session, runs)
    left_alone = _left_alone(session, runs, model.pipeline_task_id)
    return [
        AirflowRun(
            run.dag_id,
            run.run_id,
            str(run.state),
            str(run.run_type),
            run.run_after,
            failed[run.dag_id, run.run_id],
            reasons.get(run.id, ""),
            run.id in left_alone,
        )
        for run in runs
    ]


def read_events(session: Session, model: RetrainedModel) -> list[AssetSignal]:
    """
    Read the newest events of the assets that schedule the model's DAG, newest first.

    :param session: of Airflow's database.
    :param model: the model.
    """
    names = (
        select(AssetModel.name)
        .join(DagScheduleAssetReference, DagScheduleAssetReference.asset_id == AssetModel.id)
        .where(DagScheduleAssetReference.dag_id == model.dag_id)
    )
    # by name, to include events from before the asset had its current URI
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


def _model(dag_id: str, of_type: dict[str, Any], rollbacks: dict[str, dict[str, str]]) -> RetrainedModel:
    freshness = of_type[_FRESHNESS]
    labels = freshness.pipeline_job_labels
    return RetrainedModel(
        dag_id=dag_id,
        rollback_dag_id=next((name for name, others in rollbacks.items() if others == labels), None),
        project_id=freshness.project_id,
        region=freshness.region,
        dataset_id=freshness.dataset_id,
        table_id=freshness.table_id,
        labels=labels,
        pipeline_task_id=of_type[_PIPELINE].task_id,
        template_path=of_type[_CONTRACT_CHECK].template_path,
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


def _left_alone(session: Session, runs: Iterable[DagRun], task_id: str) -> set[int]:
    """Return the ids of runs whose pipeline task has submitted a job and has ended without its result."""
    ids = [run.id for run in runs]
    ended = (
        select(DagRun.id)
        .join(TaskInstance, (TaskInstance.dag_id == DagRun.dag_id) & (TaskInstance.run_id == DagRun.run_id))
        .where(DagRun.id.in_(ids), TaskInstance.task_id == task_id)
        .where(TaskInstance.state.in_((TaskInstanceState.SUCCESS, TaskInstanceState.FAILED)))
    )
    keys = (XComModel.dag_run_id.in_(ids), XComModel.task_id == task_id)
    submitted, taken = (
        set(session.scalars(select(XComModel.dag_run_id).where(*keys, XComModel.key == key)))
        for key in (SUBMISSION_KEY, XCOM_RETURN_KEY)
    )
    return (set(session.scalars(ended)) & submitted) - taken


def _skip_reasons(session: Session, runs: Iterable[DagRun]) -> dict[int, str]:
    query = select(XComModel).where(
        XComModel.dag_run_id.in_({run.id for run in runs}), XComModel.key == SKIP_REASON
    )
    return {found.dag_run_id: str(XComModel.deserialize_value(found)) for found in session.scalars(query)}
