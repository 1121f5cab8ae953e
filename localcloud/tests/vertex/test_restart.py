"""What survives a kill and a restart of localcloud."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2
from tests.vertex.pipelines.specs import Pipeline

from localcloud.gateway.faults import CRASH_EXIT_CODE
from localcloud.vertex.resources.store import ResourceStore

_BEFORE = """
import sys
from pathlib import Path
from google.cloud import aiplatform, storage

folder = Path(sys.argv[1])
bucket = storage.Client().create_bucket("restart")
for path in folder.rglob("*"):
    if path.is_file():
        bucket.blob(f"wine/{path.relative_to(folder)}").upload_from_filename(str(path))
aiplatform.init(project="local-project", location="europe-west1")
image = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
model = aiplatform.Model.upload(
    display_name="wine", artifact_uri="gs://restart/wine", serving_container_image_uri=image
)
endpoint = model.deploy(machine_type="n1-standard-2")
print("endpoint", endpoint.resource_name, endpoint.list_models()[0].id)
"""
_AFTER = """
import sys
from google.cloud import aiplatform

aiplatform.init(project="local-project", location="europe-west1")
answer = aiplatform.Endpoint(sys.argv[1]).predict(instances=[{"examples": {"b64": sys.argv[2]}}])
print("grade", round(answer.predictions[0]["grade"][0], 3), answer.deployed_model_id)
"""


_UNDER_WAY = """
import sys
from google.cloud import aiplatform_v1 as v1
from localcloud.testing import eventually

endpoint, job_file = sys.argv[1:]
parent = endpoint.rpartition("/endpoints/")[0]
api = {"api_endpoint": "europe-west1-aiplatform.googleapis.com"}
endpoints, jobs = v1.EndpointServiceClient(client_options=api), v1.JobServiceClient(client_options=api)
pipelines = v1.PipelineServiceClient(client_options=api)

deployed = endpoints.get_endpoint(name=endpoint).deployed_models[0]
drift = {"drift_thresholds": {"alcohol": {"value": 0.3}}}
name = jobs.create_model_deployment_monitoring_job(parent=parent, model_deployment_monitoring_job={
    "display_name": "wine", "endpoint": endpoint,
    "logging_sampling_strategy": {"random_sample_config": {"sample_rate": 1}},
    "model_deployment_monitoring_schedule_config": {"monitor_interval": {"seconds": 3600}},
    "model_deployment_monitoring_objective_configs": [{
        "deployed_model_id": deployed.id,
        "objective_config": {"prediction_drift_detection_config": drift},
    }],
}).name
eventually(
    lambda: jobs.get_model_deployment_monitoring_job(name=name).state.name, "JOB_STATE_RUNNING".__eq__
)
with open(job_file) as file:
    pipelines.create_pipeline_job(
        parent=parent, pipeline_job=v1.PipelineJob.from_json(file.read()), pipeline_job_id="job"
    )
eventually(
    lambda: pipelines.get_pipeline_job(name=parent + "/pipelineJobs/job").job_detail.task_details,
    lambda tasks: any(task.state.name == "RUNNING" for task in tasks),
)
jobs.update_model_deployment_monitoring_job(
    model_deployment_monitoring_job={"name": name, "display_name": "renamed"},
    update_mask={"paths": ["display_name"]},
)
# here it dies
endpoints.deploy_model(endpoint=endpoint, deployed_model={
    "model": deployed.model, "id": "7", "dedicated_resources": deployed.dedicated_resources
})
"""
_OUTCOME = """
import sys
from google.cloud import aiplatform_v1 as v1
from localcloud.testing import eventually

endpoint = sys.argv[1]
parent = endpoint.rpartition("/endpoints/")[0]
api = {"api_endpoint": "europe-west1-aiplatform.googleapis.com"}
endpoints, jobs = v1.EndpointServiceClient(client_options=api), v1.JobServiceClient(client_options=api)
pipelines = v1.PipelineServiceClient(client_options=api)
eventually(lambda: not endpoints.list_operations({"name": parent, "filter": "done=false"}).operations)
for ended in endpoints.list_operations({"name": parent}).operations:
    assert not ended.HasField("error"), ended
eventually(lambda: pipelines.get_pipeline_job(name=parent + "/pipelineJobs/job").end_time)
for listed in pipelines.list_pipeline_jobs(parent=parent):
    pipeline_job = pipelines.get_pipeline_job(name=listed.name)
    states = [f"{task.task_name}={task.state.name}" for task in pipeline_job.job_detail.task_details]
    print("pipeline", pipeline_job.state.name, *sorted(states))
for job in jobs.list_model_deployment_monitoring_jobs(parent=parent):
    print("monitoring", job.display_name, job.state.name)
print("second", "7" in [deployed.id for deployed in endpoints.get_endpoint(name=endpoint).deployed_models])
"""


def waiting_pipeline(gate: Path) -> str:
    """Return a pipeline job whose second task waits for a file, as JSON."""
    pipeline = (
        Pipeline()
        .container("First", outputs={"model": "tfx.Model"})
        .container("Second", inputs={"model": "First.model"}, wait_for=str(gate))
    )
    for executor in pipeline.executors.values():
        executor["container"]["env"] = [{"name": "STORAGE_URL", "value": "https://storage.googleapis.com"}]
    return v1.PipelineJob.to_json(pipeline.job("restart"))


# three starts, and a process for each client
@pytest.mark.timeout(900)
def test_a_deployed_model_answers_after_a_crash_and_what_was_interrupted_is_finished(
    make_localcloud: Callable[[], Any], wine: Any, tmp_path: Path
) -> None:
    cloud = make_localcloud()
    gate, job_file = tmp_path / "gate", tmp_path / "job.json"
    job_file.write_text(waiting_pipeline(gate))
    try:
        # given a pipeline task, an update of a monitoring job and a deployment under way
        cloud.start()
        before = cloud.client(sys.executable, "-c", _BEFORE, str(wine.folder))
        assert before.returncode == 0, before.stderr[-2000:]
        endpoint, deployed_id = before.stdout.rpartition("endpoint ")[2].split()
        cloud.command("fault", "add", "EndpointService.DeployModel", "--crash", "after")
        processes = psutil.Process(cloud.process.pid).children(recursive=True)

        # when localcloud is killed without cleaning up
        cloud.client(sys.executable, "-c", _UNDER_WAY, endpoint, str(job_file))
        assert cloud.process.wait(60) == CRASH_EXIT_CODE, cloud.output
        assert not psutil.wait_procs(processes, timeout=120)[1]
        store = ResourceStore(cloud.settings.state / "vertex" / "resources.sqlite")
        deployments = [
            operation
            for operation in store.find("operations", operations_pb2.Operation)
            if operation.metadata.type_url.endswith("DeployModelOperationMetadata")
        ]
        store.close()
        assert [operation.done for operation in deployments] == [True, False]

        # then after the next start the same deployed model answers
        cloud.start()
        answered = cloud.client(sys.executable, "-c", _AFTER, endpoint, wine.example)
        assert answered.stdout.split()[-3:] == ["grade", "6.9", deployed_id], answered.stderr[-2000:]

        # and a stop ends the model server and the task that waits
        processes = psutil.Process(cloud.process.pid).children(recursive=True)
        assert len(processes) > 1
        cloud.process.send_signal(signal.SIGTERM)
        assert cloud.process.wait(60) == 0, cloud.output
        assert not psutil.wait_procs(processes, timeout=120)[1]

        # and after another start the interrupted work finishes
        cloud.start()
        gate.touch()
        after = cloud.client(sys.executable, "-c", _OUTCOME, endpoint)
        assert after.stdout.splitlines() == [
            "pipeline PIPELINE_STATE_SUCCEEDED First=SUCCEEDED Second=SUCCEEDED",
            "monitoring renamed JOB_STATE_RUNNING",
            "second True",
        ], after.stderr[-2000:]
        assert cloud.stop() == 0, cloud.output
    finally:
        cloud.kill()
