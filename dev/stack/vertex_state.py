"""Read the state of Vertex AI and BigQuery with Google's own clients."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import Any

import requests
from google.cloud import aiplatform_v1, bigquery
from google.protobuf import json_format, struct_pb2

from dev.stack.settings import StackSettings

REQUEST_SECONDS = 60


@dataclass(frozen=True)
class ServingState:
    """
    An endpoint as it serves now.

    :param traffic: percent of the requests, by deployed model id.
    :param monitoring_job: resource name of its monitoring job, empty if it has none.
    """

    endpoint: str
    traffic: dict[str, int]
    deployed_model_ids: list[str]
    monitoring_job: str


class VertexState:
    """
    Reads pipeline jobs, endpoints and monitoring jobs of a stack.

    :param settings: the stack, whose environment must be active.
    """

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        self.host = f"{settings.region}-aiplatform.googleapis.com"
        self.parent = f"projects/{settings.cloud.project}/locations/{settings.region}"
        options = {"api_endpoint": self.host}
        self._pipelines = aiplatform_v1.PipelineServiceClient(client_options=options)
        self._endpoints = aiplatform_v1.EndpointServiceClient(client_options=options)
        self._jobs = aiplatform_v1.JobServiceClient(client_options=options)
        self._models = aiplatform_v1.ModelServiceClient(client_options=options)
        self._predictions = aiplatform_v1.PredictionServiceClient(client_options=options)

    def pipeline_jobs(self, wine: str | None = None) -> list[aiplatform_v1.PipelineJob]:
        """Return the pipeline jobs of a wine, or all, oldest first; without their tasks."""
        request = aiplatform_v1.ListPipelineJobsRequest(
            parent=self.parent, filter=f"labels.wine={wine}" if wine else "", order_by="create_time"
        )
        return list(self._pipelines.list_pipeline_jobs(request))

    def pipeline_job(self, name: str) -> aiplatform_v1.PipelineJob:
        """Return one pipeline job."""
        return self._pipelines.get_pipeline_job(name=name)

    def run_pipeline(
        self, job: aiplatform_v1.PipelineJob, parameters: dict[str, Any], timeout: float
    ) -> None:
        """
        Submit a pipeline job and wait for its end.

        :param parameters: values of its parameters, which the pipeline reads as JSON.
        :param timeout: seconds.
        :raises RuntimeError: it did not succeed in time.
        """
        for name, value in parameters.items():
            # proto-plus takes a plain string for a Value
            job.runtime_config.parameter_values[name] = json.dumps(value)  # type: ignore[assignment]
        created = self._pipelines.create_pipeline_job(parent=self.parent, pipeline_job=job)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = self.pipeline_job(created.name)
            if found.state == aiplatform_v1.PipelineState.PIPELINE_STATE_SUCCEEDED:
                return
            if found.end_time:
                raise RuntimeError(f"{found.name} ended as {found.state.name}: {found.error.message}")
            time.sleep(0.2)
        raise RuntimeError(f"{created.name} did not end in {timeout:.0f} s")

    def serving(self, endpoint: str) -> ServingState:
        """Return what an endpoint serves."""
        found = self._endpoints.get_endpoint(name=endpoint)
        return ServingState(
            endpoint=found.name,
            traffic=dict(found.traffic_split),
            deployed_model_ids=[model.id for model in found.deployed_models],
            monitoring_job=found.model_deployment_monitoring_job,
        )

    def model_versions(self, model: str) -> dict[str, aiplatform_v1.Model]:
        """Return the versions of a model by their resource names, which end with ``@`` and a number."""
        name = model.partition("@")[0]
        return {f"{name}@{found.version_id}": found for found in self._models.list_model_versions(name=name)}

    def monitoring_job(self, name: str) -> aiplatform_v1.ModelDeploymentMonitoringJob:
        """Return one monitoring job."""
        return self._jobs.get_model_deployment_monitoring_job(name=name)

    def raw_predict(self, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        """
        Call ``:rawPredict`` with a JSON body, as the lab's readers do: with curl, or else in Python.

        :raises RuntimeError: the answer is an error.
        """
        url = f"https://{self.host}/v1/{endpoint}:rawPredict"
        headers = {"Authorization": "Bearer local", "Content-Type": "application/json"}
        post = _post_with_curl if shutil.which("curl") else _post_with_requests
        return dict(json.loads(post(url, headers, json.dumps(body)))["predictions"][0])

    def predict_example(self, endpoint: str, example: str) -> dict[str, Any]:
        """
        Call ``PredictionServiceClient.predict``, as the lab's notebook does.

        :param example: a serialized tf.Example in base64.
        """
        base64.b64decode(example, validate=True)
        instance = json_format.ParseDict({"examples": {"b64": example}}, struct_pb2.Value())
        answer = self._predictions.predict(endpoint=endpoint, instances=[instance])
        return dict(json_format.MessageToDict(type(answer).pb(answer))["predictions"][0])


def _post_with_curl(url: str, headers: dict[str, str], body: str) -> str:
    command = ["curl", "--silent", "--show-error", "--fail-with-body", "-X", "POST", url, "-d", body]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise RuntimeError(f"curl {url}: {answer.stderr.strip()} {answer.stdout.strip()}")
    return answer.stdout


def _post_with_requests(url: str, headers: dict[str, str], body: str) -> str:
    answer = requests.post(url, headers=headers, data=body, timeout=REQUEST_SECONDS)
    if not answer.ok:
        raise RuntimeError(f"{url}: {answer.status_code} {answer.text}")
    return answer.text


def query_jobs(settings: StackSettings) -> list[bigquery.QueryJob]:
    """Return all BigQuery query jobs so far, newest first."""
    client = bigquery.Client(project=settings.cloud.project)
    return [job for job in client.list_jobs() if job.job_type == "query"]
