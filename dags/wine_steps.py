"""What the retraining and the rollback of a wine have in common."""

# Airflow puts XComs and default_args in place of arguments at run time
# mypy: disable-error-code="arg-type, call-arg, index"

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable
from vertex_mlops.operators.deployment import ShiftTrafficOperator
from vertex_mlops.operators.endpoint import VerifyDeployedModelOperator
from vertex_mlops.operators.model_monitoring import CreateOrUpdateModelMonitoringJobOperator
from vertex_mlops.operators.model_registry import PromoteModelVersionOperator
from vertex_mlops.operators.undeployment import RetireDeployedModelsOperator
from vertex_mlops.sensors.model_monitoring import ModelMonitoringJobSensor

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from wine_config import Wine

DOCS = Path(__file__).with_name("docs")


def doc(name: str) -> str:
    """Read what the UI shows about the DAG or a task."""
    return (DOCS / f"{name}.md").read_text()


def default_args(wine: Wine) -> dict[str, Any]:
    """Give what all tasks of a DAG take."""
    return {
        "owner": wine.owner,
        "project_id": wine.project,
        # a step takes single values of an earlier step's result
        "multiple_outputs": True,
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
    }


def drift_asset(wine: Wine) -> Asset:
    """Name what wine_drift tells, and a retraining is scheduled by: that this wine has drifted."""
    return Asset(
        name=f"wine_drift_{wine.name}",
        # for any scheme that does not begin with x-, Airflow imports the URI handlers of all providers
        uri=f"x-vertex-ai://{wine.project}/{wine.region}/drift/{wine.name}",
    )


def time_or_drift(wine: Wine) -> AssetOrTimeSchedule | list[Asset]:
    """Give the schedule of a retraining: the wine's cron expression, if it has one, or its drift."""
    drift = [drift_asset(wine)]
    if not wine.schedule:
        return drift
    # for False, the default, Airflow makes up for a tick that is less than a tenth of the interval ago
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
    Give the tasks that shift the traffic, each followed by the one that verifies the model.

    :param wine: has the settings.
    :param deploy: the task whose deployed model gets the traffic.
    :param pipeline_result: what made the model.
    :param champion_version: what the model is to replace.
    :param steps: per cent of the traffic.
    :param take_all: whether the traffic is taken however it is shared out, and not as each step has left it.
    """
    tasks: list[BaseOperator] = []
    left = None if take_all else deploy.output["traffic"]
    for percent in steps:
        traffic = ShiftTrafficOperator(
            task_id=f"traffic_{percent}",
            doc_md=doc("traffic"),
            region=wine.region,
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
            region=wine.region,
            endpoint=deploy.output["endpoint"],
            deployed_model_id=deploy.output["deployed_model_id"],
            percent=traffic.output["percent"],
            since=traffic.output["since"],
            pipeline_result=pipeline_result,
            template_path=wine.spec,
            tolerance=wine.rollout.tolerance,
            max_latency_ms=wine.rollout.max_latency_ms,
            max_error_share=wine.rollout.max_error_share,
            min_requests=wine.rollout.min_requests,
        )
        tasks += [traffic, verify]
    return tasks


def promote_task(wine: Wine, deploy: BaseOperator, champion_version: Any) -> BaseOperator:
    """
    Give the task that makes the new model the champion.

    :param wine: has the settings.
    :param deploy: the task that returns the endpoint and the version.
    :param champion_version: what the model is to replace.
    """
    return PromoteModelVersionOperator(
        task_id="promote",
        doc_md=doc("promote"),
        region=wine.region,
        model_version=deploy.output["model_version"],
        endpoint_name=deploy.output["endpoint"],
        champion_version=champion_version,
    )


def retire_task(
    wine: Wine, deploy: BaseOperator, *, keep_previous: bool, rollback_dag_id: str | None = None
) -> BaseOperator:
    """
    Give the task that undeploys what the new model has replaced.

    :param wine: has the settings.
    :param deploy: the task that returns the endpoint and the deployed model.
    :param keep_previous: whether the model of before stays deployed.
    :param rollback_dag_id: DAG that may be about to go back to it.
    """
    return RetireDeployedModelsOperator(
        task_id="retire",
        doc_md=doc("retire"),
        region=wine.region,
        endpoint_name=deploy.output["endpoint"],
        deployed_model_id=deploy.output["deployed_model_id"],
        model_version=deploy.output["model_version"],
        keep_previous=keep_previous,
        rollback_dag_id=rollback_dag_id,
        poll_interval=wine.poll_interval,
    )


def watch_tasks(wine: Wine, deploy: BaseOperator, training_examples: Any) -> list[BaseOperator]:
    """
    Give the tasks that make the endpoint's monitoring job watch the model that serves.

    :param wine: has the settings.
    :param deploy: the task that returns the endpoint and the deployed model.
    :param training_examples: what the model learned from.
    """
    monitor = CreateOrUpdateModelMonitoringJobOperator(
        task_id="monitor",
        doc_md=doc("monitor"),
        region=wine.region,
        endpoint=deploy.output["endpoint"],
        deployed_model_id=deploy.output["deployed_model_id"],
        training_examples=training_examples,
        template_path=wine.spec,
        display_name=f"wine-{wine.name}",
        settings=wine.monitoring,
        labels=wine.training_labels,
        recreate=wine.recreate_monitoring,
        poll_interval=wine.poll_interval,
    )
    settled = ModelMonitoringJobSensor(
        task_id="monitor_settled",
        doc_md=doc("monitor_settled"),
        region=wine.region,
        job_id=monitor.output["name"],
        operation=monitor.output["operation"],
        poke_interval=wine.poll_interval,
        # an update can take hours
        timeout=timedelta(hours=12),
    )
    monitor >> settled
    return [monitor, settled]
