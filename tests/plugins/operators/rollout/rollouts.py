"""A wine of its own for each test: from a pipeline's result to an endpoint, by the operators of a rollout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from google.api import httpbody_pb2
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import aiplatform_v1
from vertex_mlops.contract.pipeline_states import SUCCEEDED
from vertex_mlops.operators.rollout.deployment import DeployModelVersionOperator, ShiftTrafficOperator
from vertex_mlops.operators.rollout.endpoint import VerifyDeployedModelOperator
from vertex_mlops.operators.rollout.model_registry import (
    PromoteModelVersionOperator,
    UploadModelVersionOperator,
)
from vertex_mlops.operators.rollout.undeployment import (
    RetireDeployedModelsOperator,
    RollBackDeploymentOperator,
)
from vertex_mlops.rollout.settings import RolloutSettings
from vertex_mlops.runs.pipeline_results import PipelineResult

from localcloud.testing import eventually
from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.operators.served_models import CLIENT_OPTIONS, TENSORFLOW_SERVING, Endpoint
from tests.plugins.runs.pipelines import compiled, submit
from tests.support.task_context import REGION, context_of

_MOST_LOOKS = 300
_JOB_SECONDS = 60
STEPS = (10, 50, 100)
SOUND = {"good": 0.9, "grade": 6.5}


def serving(name: str, **changes: Any) -> dict[str, Any]:
    """Return the ``serving`` that a pipeline is compiled with."""
    return {
        "name": name,
        "container_spec": TENSORFLOW_SERVING,
        "machine_type": "n1-standard-2",
        "min_replicas": 1,
        "max_replicas": 1,
        "git_revision": "abc123",
    } | changes


@dataclass
class Rollout:
    """
    Runs the operators of one wine, and looks at what they have made.

    :param parts: what the wine's pipeline is compiled with at the moment: data contract and serving.
    :param folder: where the small models lie.
    """

    place: dict[str, str]
    name: str
    parts: dict[str, Any]
    folder: str
    results: dict[str, PipelineResult] = field(default_factory=dict)
    # traffic that the last step of each deployed model has left
    left: dict[str, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.endpoints = aiplatform_v1.EndpointServiceClient(client_options=CLIENT_OPTIONS)
        self.registry = aiplatform_v1.ModelServiceClient(client_options=CLIENT_OPTIONS)
        self.parent = f"projects/{self.place['project_id']}/locations/{REGION}"

    def upload(self, model: str, **more: Any) -> str:
        if model not in self.results:
            self.results[model] = self.outcome(model)
        operator = self.uploader(self.results[model], **more)
        return str(operator.execute(context_of(operator))["model_version"])

    def outcome(self, model: str, **more: Any) -> PipelineResult:
        """Return what a pipeline job that made one of the small models gives; the job itself is there."""
        bucket = self.folder.removeprefix("gs://").partition("/")[0]
        return (
            PipelineResult(
                name=submit(self.place, bucket, compiled(**self.parts), wine=self.name),
                state="PIPELINE_STATE_SUCCEEDED",
                data_version="1764028800000",
                blessed=True,
                verdict="blessed",
                reason="",
                evidence="",
                champion_version="",
                metrics={"mad": 0.5},
                # another version of the same files
                model_uri=f"{self.folder}/{model.removesuffix('-again')}",
                known_answers=[SOUND],
                model_card=None,
                training_examples="gs://b/examples",
                evaluation="gs://b/evaluation",
            )
            | more
        )  # type: ignore[return-value]

    def ask(self, endpoint: str) -> None:
        """Send what every model understands."""
        client = aiplatform_v1.PredictionServiceClient(client_options=CLIENT_OPTIONS)
        question = {"signature_name": "serving_raw", "instances": [CONTRACT["sample_instance"]]}
        body = httpbody_pb2.HttpBody(content_type="application/json", data=json.dumps(question).encode())
        client.raw_predict(endpoint=endpoint, http_body=body)

    def ask_nonsense(self, endpoint: str) -> None:
        """Send what no model understands."""
        client = aiplatform_v1.PredictionServiceClient(client_options=CLIENT_OPTIONS)
        instances: list[Any] = [{"nonsense": 1}]
        with pytest.raises(GoogleAPICallError):
            client.predict(endpoint=endpoint, instances=instances, retry=None)

    def uploader(self, outcome: PipelineResult, **more: Any) -> UploadModelVersionOperator:
        return UploadModelVersionOperator(
            task_id="upload",
            pipeline_result=outcome,
            labels={"wine": "test"},
            **self.place,
            **more,
        )

    def deployer(self, version: str, **more: Any) -> DeployModelVersionOperator:
        return DeployModelVersionOperator(
            task_id="deploy",
            model_version=version,
            pipeline_job=self.job_of(version),
            **self.place,
            **more,
        )

    def job_of(self, version: str) -> str:
        """Return the pipeline job that made a version."""
        return self.registry.get_model(name=version).version_description

    def deploy_once(self, version: str) -> dict[str, Any]:
        operator = self.deployer(version)
        deployed = operator.execute(context_of(operator))
        self.left.pop(deployed["deployed_model_id"], None)
        return deployed

    def deploy(self, version: str, **more: Any) -> dict[str, Any]:
        """Deploy a model, and resume as often as needed: this machine may be slow."""
        deployed = self._come_back(self.deployer(version, **more))
        self.left.pop(deployed["deployed_model_id"], None)
        return deployed

    def _come_back(self, operator: Any) -> dict[str, Any]:
        for _ in range(_MOST_LOOKS):
            try:
                return dict(operator.execute(context_of(operator)))
            except AirflowRescheduleException:
                continue
        raise AssertionError(f"{operator.task_id} did not come to an end in {_MOST_LOOKS} looks")

    def shift(
        self, deployed: dict[str, Any], percent: int, *, take_all: bool = False, **more: Any
    ) -> dict[str, Any]:
        """Shift traffic to a model, as a step of a rollout does, or all of it, as a rollback does."""
        id_ = deployed["deployed_model_id"]
        more.setdefault("traffic", None if take_all else self.left.get(id_, deployed["traffic"]))
        operator = ShiftTrafficOperator(
            task_id="traffic",
            endpoint_name=deployed["endpoint"],
            deployed_model_id=id_,
            model_version=deployed["model_version"],
            champion_id=deployed["champion_id"],
            percent=percent,
            steps=STEPS,
            **more,
            **self.place,
        )
        shifted = operator.execute(context_of(operator))
        self.left[id_] = shifted["traffic"]
        return shifted

    def verifier(
        self, deployed: dict[str, Any], traffic: dict[str, Any], model: str, **more: Any
    ) -> VerifyDeployedModelOperator:
        return VerifyDeployedModelOperator(
            task_id="verify",
            endpoint=deployed["endpoint"],
            deployed_model_id=deployed["deployed_model_id"],
            percent=traffic["percent"],
            since=traffic["since"],
            pipeline_result=self.results[model],
            # a busy machine is no reason to reject a model
            **{"settings": RolloutSettings(max_latency_ms=60_000)} | self.place | more,
        )

    def verify(self, *arguments: Any, **more: Any) -> dict[str, Any]:
        operator = self.verifier(*arguments, **more)
        return operator.execute(context_of(operator))

    def promote(self, version: str, **more: Any) -> dict[str, Any]:
        operator = PromoteModelVersionOperator(
            task_id="promote",
            model_version=version,
            **({"endpoint_name": self.endpoint().name} | more),
            **self.place,
        )
        return operator.execute(context_of(operator))

    def retire(
        self, deployed: dict[str, Any], *, keep_previous: bool = False, rollbacks: int = 0
    ) -> list[str]:
        """Undeploy what is idle, while so many runs of the rollback are under way."""
        operator = RetireDeployedModelsOperator(
            task_id="retire",
            endpoint_name=deployed["endpoint"],
            deployed_model_id=deployed["deployed_model_id"],
            model_version=deployed["model_version"],
            keep_previous=keep_previous,
            rollback_dag_id="wine_rollback_test",
            **self.place,
        )
        context = context_of(operator)
        context["ti"].under_way = {"wine_rollback_test": rollbacks}
        return list(operator.execute(context)["deployed"])

    def roll_back(
        self,
        version: str | None,
        *,
        champion_version: str | None = None,
        deployed_model_id: str | None = None,
        rejections: Sequence[str | None] = (None, None),
    ) -> dict[str, Any]:
        """Roll back, and resume as often as needed if the champion must be deployed again."""
        operator = RollBackDeploymentOperator(
            task_id="roll_back",
            model_version=version,
            champion_version=champion_version,
            deployed_model_id=deployed_model_id,
            rejections=rejections,
            **self.place,
        )
        return self._come_back(operator)

    def roll_back_once(self, version: str) -> dict[str, Any]:
        operator = RollBackDeploymentOperator(task_id="roll_back", model_version=version, **self.place)
        return operator.execute(context_of(operator))

    def go_back(self, version: str) -> dict[str, Any]:
        """Roll back as wine_rollback does, without verification."""
        deployed = self.deploy(version)
        self.shift(deployed, 100, take_all=True)
        self.promote(version)
        return deployed

    def crown(self, model: str) -> dict[str, Any]:
        """Roll out a model to 100 %, without verification; what served before is left deployed."""
        deployed = self.deploy(self.upload(model))
        self.shift(deployed, 100)
        self.promote(deployed["model_version"])
        return deployed

    def give(self, split: dict[str, int]) -> None:
        """Share the traffic out by hand."""
        self.endpoints.update_endpoint(
            endpoint={"name": self.endpoint().name, "traffic_split": split},
            update_mask={"paths": ["traffic_split"]},
        )

    def take_away(self, deployed_model_id: str, split: dict[str, int]) -> None:
        """Undeploy a model by hand."""
        request = {
            "endpoint": self.endpoint().name,
            "deployed_model_id": deployed_model_id,
            "traffic_split": split,
        }
        self.endpoints.undeploy_model(request=request).result()

    def deploy_other(self, model: str, split: dict[str, int]) -> str:
        """
        Deploy a model of another team.

        :param model: its resource name.
        :param split: that the endpoint gets; "0" stands for the new deployed model.
        :return: id of the deployed model.
        """
        machine = {"machine_spec": {"machine_type": "n1-standard-2"}, "min_replica_count": 1}
        request = {
            "endpoint": self.endpoint().name,
            "deployed_model": {"model": model, "display_name": "vinegar", "dedicated_resources": machine},
            "traffic_split": split,
        }
        return str(self.endpoints.deploy_model(request=request).result().deployed_model.id)

    def endpoint(self) -> aiplatform_v1.Endpoint:
        request = {"parent": self.parent, "filter": f'display_name="{self.name}"'}
        (endpoint,) = self.endpoints.list_endpoints(request=request)
        return endpoint

    @property
    def traffic(self) -> dict[str, int]:
        return {id_: share for id_, share in self.endpoint().traffic_split.items() if share}

    @property
    def deployed(self) -> set[str]:
        return {model.id for model in self.endpoint().deployed_models}

    def versions(self) -> list[aiplatform_v1.Model]:
        return list(self.registry.list_model_versions(name=f"{self.parent}/models/{self.name}"))

    def numbered(self, version: str) -> str:
        """Return the name of a version as Vertex AI tells it: with the project's number."""
        return self.registry.get_model(name=version).name + f"@{version.rpartition('@')[2]}"

    def aliases(self) -> dict[str, list[str]]:
        """Return the aliases that are ours, by version id."""
        return {
            model.version_id: sorted(set(model.version_aliases) - {"default"}) for model in self.versions()
        }

    def close(self) -> None:
        """Stop every model server."""
        request = {"parent": self.parent, "filter": f'display_name="{self.name}"'}
        for endpoint in self.endpoints.list_endpoints(request=request):
            Endpoint(self.endpoints, None, endpoint.name).close()  # type: ignore[arg-type]


def await_jobs(rollout: Rollout) -> None:
    """Wait for the end of the wine's jobs."""
    client = aiplatform_v1.PipelineServiceClient(client_options=CLIENT_OPTIONS)
    request = {"parent": rollout.parent, "filter": f'labels.wine="{rollout.name}"'}
    eventually(
        lambda: {job.state.name for job in client.list_pipeline_jobs(request=request)},
        lambda states: states <= {SUCCEEDED},
        _JOB_SECONDS,
    )
