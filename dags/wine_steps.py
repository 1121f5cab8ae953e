"""The tasks and settings that the retraining and the rollback of a wine share."""

# Airflow resolves XComs and default_args to arguments at run time
# mypy: disable-error-code="arg-type, call-arg, index"

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable
from vertex_mlops.operators.monitoring.job import CreateOrUpdateModelMonitoringJobOperator
from vertex_mlops.operators.rollout.deployment import ShiftTrafficOperator
from vertex_mlops.operators.rollout.endpoint import VerifyDeployedModelOperator
from vertex_mlops.operators.rollout.model_registry import PromoteModelVersionOperator
from vertex_mlops.operators.rollout.undeployment import RetireDeployedModelsOperator
from vertex_mlops.sensors.model_monitoring import ModelMonitoringJobSensor

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from wine_config import Wine

DOCS = Path(__file__).with_name("docs")


def doc(name: str) -> str:
    """Return the documentation of a DAG or a task for the UI."""
    return (DOCS / f"{name}.md").read_text()


def default_args(wine: Wine) -> dict[str, Any]:
    """Return the default arguments of all tasks of a DAG."""
    return {
        "owner": wine.owner,
        "project_id": wine.project,
        "region": wine.region,
        # later tasks use single values of a result
        "multiple_outputs": True,
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
    }


def drift_asset(wine: Wine) -> Asset:
    """Return the asset that wine_drift updates when the wine has drifted, which schedules a retraining."""
    return Asset(
        name=f"wine_drift_{wine.name}",
        # for any scheme without the prefix x-, Airflow imports the URI handlers of all providers
        uri=f"x-vertex-ai://{wine.project}/{wine.region}/drift/{wine.name}",
    )


def time_or_drift(wine: Wine) -> AssetOrTimeSchedule | list[Asset]:
    """Return the schedule of a retraining: the wine's cron expression, if it has one, or its drift."""
    drift = [drift_asset(wine)]
    if not wine.schedule:
        return drift
    # with False, the default, Airflow runs a tick that was missed by less than a tenth of the interval
    never = timedelta(0)
    cron = CronTriggerTimetable(wine.schedule, timezone="UTC", run_immediately=never)
    return AssetOrTimeSchedule(timetable=cron, assets=drift)


def traffic_steps(
    wine: Wine,
    deploy: BaseOperator,
    pipeline_result: Any,
    champion_version: Any,
    steps: list[int],
    *,
    take_all: bool = False,
) -> list[BaseOperator]:
    """
    Return the tasks that shift the traffic, each followed by the one that verifies the model.

    :param wine: the settings.
    :param deploy: the task whose deployed model gets the traffic.
    :param pipeline_result: result of the pipeline job that made the model.
    :param champion_version: the version that the model replaces.
    :param steps: percent of the traffic.
    :param take_all: whether to take the traffic whatever the current split, not only as each step left it.
    """
    tasks: list[BaseOperator] = []
    left = None if take_all else deploy.output["traffic"]
    for percent in steps:
        traffic = ShiftTrafficOperator(
            task_id=f"traffic_{percent}",
            doc_md=doc("traffic"),
            endpoint_name=deploy.output["endpoint"],
            deployed_model_id=deploy.output["deployed_model_id"],
            model_version=deploy.output["model_version"],
            champion_id=deploy.output["champion_id"],
            champion_version=champion_version,
            traffic=left,
            steps=steps,
            percent=percent,
        )
        left = None if take_all else traffic.output["traffic"]
        verify = VerifyDeployedModelOperator(
            task_id=f"verify_{percent}",
            doc_md=doc("verify"),
            endpoint=deploy.output["endpoint"],
            deployed_model_id=deploy.output["deployed_model_id"],
            percent=traffic.output["percent"],
            since=traffic.output["since"],
            pipeline_result=pipeline_result,
            settings=wine.rollout,
        )
        tasks += [traffic, verify]
    return tasks


def promote_task(deploy: BaseOperator, champion_version: Any) -> BaseOperator:
    """
    Return the task that makes the new model the champion.

    :param deploy: the task that returns the endpoint and the version.
    :param champion_version: the version that the model replaces.
    """
    return PromoteModelVersionOperator(
        task_id="promote",
        doc_md=doc("promote"),
        model_version=deploy.output["model_version"],
        endpoint_name=deploy.output["endpoint"],
        champion_version=champion_version,
    )


def retire_task(
    wine: Wine, deploy: BaseOperator, *, keep_previous: bool, rollback_dag_id: str | None = None
) -> BaseOperator:
    """
    Return the task that undeploys the model that the new one has replaced.

    :param wine: the settings.
    :param deploy: the task that returns the endpoint and the deployed model.
    :param keep_previous: whether the previous champion stays deployed.
    :param rollback_dag_id: DAG that may be rolling back to it.
    """
    return RetireDeployedModelsOperator(
        task_id="retire",
        doc_md=doc("retire"),
        endpoint_name=deploy.output["endpoint"],
        deployed_model_id=deploy.output["deployed_model_id"],
        model_version=deploy.output["model_version"],
        keep_previous=keep_previous,
        rollback_dag_id=rollback_dag_id,
        poll_interval=wine.poll_interval,
    )


def watch_tasks(
    wine: Wine, deploy: BaseOperator, pipeline_job: Any, training_examples: Any
) -> list[BaseOperator]:
    """
    Return the tasks that make the endpoint's monitoring job monitor the serving model.

    :param wine: the settings.
    :param deploy: the task that returns the endpoint and the deployed model.
    :param pipeline_job: resource name of the job that made the model.
    :param training_examples: the training data of the model.
    """
    monitor = CreateOrUpdateModelMonitoringJobOperator(
        task_id="monitor",
        doc_md=doc("monitor"),
        endpoint=deploy.output["endpoint"],
        deployed_model_id=deploy.output["deployed_model_id"],
        training_examples=training_examples,
        pipeline_job=pipeline_job,
        display_name=f"wine-{wine.name}",
        settings=wine.monitoring,
        labels=wine.training_labels,
        recreate=wine.recreate_monitoring,
        poll_interval=wine.poll_interval,
    )
    settled = ModelMonitoringJobSensor(
        task_id="monitor_settled",
        doc_md=doc("monitor_settled"),
        job_id=monitor.output["name"],
        operation=monitor.output["operation"],
        poke_interval=wine.poll_interval,
        # an update can take hours
        timeout=timedelta(hours=12),
    )
    monitor >> settled
    return [monitor, settled]
