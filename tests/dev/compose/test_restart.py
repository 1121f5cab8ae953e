"""What the volumes keep when every container has been removed and made anew."""

from __future__ import annotations

from dev.compose.stack import ComposeStack
from dev.stack.airflow_api import AirflowApi
from tests.dev.compose.compose_cloud import Cloud

VERTEX = "https://europe-west1-aiplatform.googleapis.com/v1/projects/wine-local/locations/europe-west1"


def test_runs_and_task_logs_are_kept(airflow: AirflowApi) -> None:
    (run,) = airflow.call("GET", "/dags/wine_retraining_white/dagRuns")["dag_runs"]
    path = f"/dags/wine_retraining_white/dagRuns/{run['dag_run_id']}/taskInstances/monitor/logs/1"

    assert run["state"] == "success"
    # a line of the task, not of an answer that names the missing file
    assert "/modelDeploymentMonitoringJobs/" in str(airflow.call("GET", path))


def test_the_endpoint_with_its_model_and_monitoring_job_is_kept(cloud: Cloud) -> None:
    (endpoint,) = cloud.call("GET", f"{VERTEX}/endpoints")["endpoints"]

    (model,) = endpoint["deployedModels"]
    assert endpoint["trafficSplit"] == {model["id"]: 100}
    assert "modelDeploymentMonitoringJob" in endpoint


def test_nothing_was_trained_again(stack: ComposeStack, cloud: Cloud) -> None:
    assert len(cloud.call("GET", f"{VERTEX}/pipelineJobs")["pipelineJobs"]) == 1
