"""Watch an endpoint, wait without a worker slot until its job has settled, and take it down again."""

from __future__ import annotations

import os

from airflow.sdk import DAG, Param
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from vertex_mlops.operators.monitoring.job import CreateOrUpdateModelMonitoringJobOperator
from vertex_mlops.operators.monitoring.state import (
    DeleteModelMonitoringJobOperator,
    PauseModelMonitoringJobOperator,
    ResumeModelMonitoringJobOperator,
)
from vertex_mlops.sensors.model_monitoring import ModelMonitoringJobSensor

BUCKET = os.environ["WINE_BUCKET"]
PLACE = {"project_id": os.environ["WINE_PROJECT"], "region": os.environ["WINE_REGION"]}

with DAG(
    dag_id="example_model_monitoring",
    schedule=None,
    default_args=PLACE | {"multiple_outputs": True, "retries": 2},
    params={
        "endpoint": Param("", type="string", description="Resource name of the endpoint"),
        "deployed_model_id": Param("", type="string"),
        "pipeline_job": Param("", type="string", description="Resource name of the job that made the model"),
    },
):
    monitor = CreateOrUpdateModelMonitoringJobOperator(
        task_id="monitor",
        endpoint="{{ params.endpoint }}",
        deployed_model_id="{{ params.deployed_model_id }}",
        training_examples=f"gs://{BUCKET}/examples",
        pipeline_job="{{ params.pipeline_job }}",
        display_name="example",
        settings=MonitoringSettings(
            skew_threshold=0.3,
            feature_drift_thresholds={"alcohol": 0.2},
            log_ttl_days=7,
            emails=["cellar@example.com"],
        ),
        poll_interval=15,
    )

    settled = ModelMonitoringJobSensor(
        task_id="settled",
        job_id=monitor.output["name"],
        operation=monitor.output["operation"],
        poke_interval=15,
        timeout=3600,
    )

    monitor >> settled

with DAG(
    dag_id="example_model_monitoring_state",
    schedule=None,
    default_args=PLACE,
    params={"job_id": Param("", type="string", description="Id or resource name of the monitoring job")},
):
    pause = PauseModelMonitoringJobOperator(task_id="pause", job_id="{{ params.job_id }}")
    resume = ResumeModelMonitoringJobOperator(task_id="resume", job_id="{{ params.job_id }}")
    delete = DeleteModelMonitoringJobOperator(task_id="delete", job_id="{{ params.job_id }}")

    pause >> resume >> delete
