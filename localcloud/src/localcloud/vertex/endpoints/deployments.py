"""Deploying models to endpoints, and undeploying them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2  # type: ignore[import-untyped]

from localcloud.config import Settings
from localcloud.vertex.api.calls import Handler, now
from localcloud.vertex.endpoints import traffic
from localcloud.vertex.endpoints.containers import check_served
from localcloud.vertex.endpoints.replicas import Replicas
from localcloud.vertex.endpoints.service import save
from localcloud.vertex.models.registry import ModelRegistry
from localcloud.vertex.resources.names import canonical, new_id
from localcloud.vertex.resources.operations import Cancellation, Kind, Operations
from localcloud.vertex.resources.rules import check_machine, refuse_set
from localcloud.vertex.resources.store import ResourceStore

_DEPLOYED_ID = re.compile(r"[0-9]{1,10}")
_NOT_SERVED = (
    "explanation_spec",
    "faster_deployment_config",
    "private_endpoints",
    "speculative_decoding_spec",
)
_MUTABLE = (
    "dedicated_resources.min_replica_count",
    "dedicated_resources.max_replica_count",
    "dedicated_resources.required_replica_count",
    "dedicated_resources.autoscaling_metric_specs",
    "disable_container_logging",
)


class DeploymentService:
    """
    Serve DeployModel, UndeployModel and MutateDeployedModel; one replica stands for any number of them.

    Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints/deployModel

    :param settings: knows the project.
    :param store: keeps the endpoints.
    :param operations: runs what is long.
    :param registry: keeps the models.
    :param replicas: the model servers.
    """

    def __init__(
        self,
        settings: Settings,
        store: ResourceStore,
        operations: Operations,
        registry: ModelRegistry,
        replicas: Replicas,
    ) -> None:
        self._settings = settings
        self._store = store
        self._operations = operations
        self._registry = registry
        self._replicas = replicas
        operations.serve(
            Kind(
                v1.DeployModelRequest,
                v1.DeployModelOperationMetadata,
                self._attach,
                prepare=self._load,
                undo=self._unload,
            ),
            Kind(v1.UndeployModelRequest, v1.UndeployModelOperationMetadata, self._detach),
            Kind(v1.MutateDeployedModelRequest, v1.MutateDeployedModelOperationMetadata, self._change),
        )

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers of EndpointService that concern deployed models."""
        return {
            "EndpointService.DeployModel": self._deploy,
            "EndpointService.UndeployModel": self._undeploy,
            "EndpointService.MutateDeployedModel": self._mutate,
        }

    def _deploy(self, request: v1.DeployModelRequest) -> operations_pb2.Operation:
        endpoint = self._store.get(request.endpoint, v1.Endpoint)
        request.deployed_model = self._prepared(request.deployed_model)
        _check_new(endpoint, request.deployed_model, request.traffic_split)
        return self._operations.start(endpoint.name, request)

    def _load(self, request: v1.DeployModelRequest, cancellation: Cancellation) -> None:
        self._replicas.start(request.endpoint, request.deployed_model)

    def _unload(self, request: v1.DeployModelRequest) -> None:
        self._replicas.stop(request.endpoint, request.deployed_model.id)

    def _prepared(self, asked: v1.DeployedModel) -> v1.DeployedModel:
        refuse_set(asked, *_NOT_SERVED)
        if asked.id and not _DEPLOYED_ID.fullmatch(asked.id):
            raise exceptions.InvalidArgument(f"Invalid deployed_model.id {asked.id!r}: 1 to 10 digits.")
        _check_resources(asked)
        model = self._registry.resolve(canonical(asked.model, self._settings))
        check_served(model.container_spec)
        deployed = v1.DeployedModel(asked)
        deployed.id = asked.id or new_id()
        deployed.model, deployed.model_version_id = model.name, model.version_id
        deployed.display_name = asked.display_name or model.display_name
        deployed.create_time = now()
        return deployed

    def _attach(self, request: v1.DeployModelRequest) -> v1.DeployModelResponse:
        deployed = request.deployed_model
        # the endpoint and the model may have changed while the server loaded
        endpoint = self._store.get(request.endpoint, v1.Endpoint)
        self._registry.resolve(f"{deployed.model}@{deployed.model_version_id}")
        _check_new(endpoint, deployed, request.traffic_split)
        endpoint.deployed_models.append(deployed)
        if request.traffic_split:
            endpoint.traffic_split = {
                deployed.id if key == traffic.NEW_MODEL else key: share
                for key, share in request.traffic_split.items()
            }
        save(self._store, endpoint)
        return v1.DeployModelResponse(deployed_model=deployed)

    def _undeploy(self, request: v1.UndeployModelRequest) -> operations_pb2.Operation:
        self._without(request)
        return self._operations.start(request.endpoint, request)

    def _detach(self, request: v1.UndeployModelRequest) -> v1.UndeployModelResponse:
        save(self._store, self._without(request))
        self._replicas.stop(request.endpoint, request.deployed_model_id)
        return v1.UndeployModelResponse()

    def _without(self, request: v1.UndeployModelRequest) -> v1.Endpoint:
        """Return the endpoint without the model that is undeployed."""
        removed = request.deployed_model_id
        endpoint = self._store.get(request.endpoint, v1.Endpoint)
        deployed_model(endpoint, removed)
        kept = [deployed for deployed in endpoint.deployed_models if deployed.id != removed]
        endpoint.traffic_split = _split_without(endpoint, removed, request.traffic_split)
        endpoint.deployed_models = kept
        return endpoint

    def _mutate(self, request: v1.MutateDeployedModelRequest) -> operations_pb2.Operation:
        refused = sorted(set(request.update_mask.paths) - set(_MUTABLE))
        if refused or not request.update_mask.paths:
            raise exceptions.InvalidArgument(
                f"update_mask cannot be {', '.join(refused) or 'empty'}."
                f" Mutable fields: {', '.join(_MUTABLE)}."
            )
        self._changed(request)
        return self._operations.start(request.endpoint, request)

    def _change(self, request: v1.MutateDeployedModelRequest) -> v1.MutateDeployedModelResponse:
        endpoint, deployed = self._changed(request)
        save(self._store, endpoint)
        return v1.MutateDeployedModelResponse(deployed_model=deployed)

    def _changed(self, request: v1.MutateDeployedModelRequest) -> tuple[v1.Endpoint, v1.DeployedModel]:
        """Return the changed endpoint, and the deployed model in it."""
        endpoint = self._store.get(request.endpoint, v1.Endpoint)
        deployed = deployed_model(endpoint, request.deployed_model.id)
        raw = v1.MutateDeployedModelRequest.pb(request)
        raw.update_mask.MergeMessage(
            raw.deployed_model, v1.DeployedModel.pb(deployed), replace_repeated_field=True
        )
        _check_resources(deployed)
        return endpoint, deployed


def deployed_model(endpoint: v1.Endpoint, deployed_model_id: str) -> v1.DeployedModel:
    """
    Find a deployed model of an endpoint.

    :raises google.api_core.exceptions.NotFound: the endpoint has none of that id.
    """
    for deployed in endpoint.deployed_models:
        if deployed.id == deployed_model_id:
            return deployed
    raise exceptions.NotFound(f"Endpoint {endpoint.name} has no deployed model {deployed_model_id!r}.")


def _check_new(endpoint: v1.Endpoint, deployed: v1.DeployedModel, split: Mapping[str, int]) -> None:
    ids = [other.id for other in endpoint.deployed_models]
    if deployed.id in ids:
        raise exceptions.AlreadyExists(f"Deployed model {deployed.id} of {endpoint.name} already exists.")
    traffic.check_split(split, [traffic.NEW_MODEL, *ids])


def _check_resources(deployed: v1.DeployedModel) -> None:
    if "dedicated_resources" not in deployed:
        raise exceptions.InvalidArgument(
            "deployed_model.dedicated_resources is required:"
            " a custom-trained model supports no automatic or shared resources."
        )
    resources = deployed.dedicated_resources
    check_machine(resources.machine_spec)
    if resources.min_replica_count < 1:
        raise exceptions.InvalidArgument("dedicated_resources.min_replica_count must be at least 1.")
    if resources.max_replica_count and resources.max_replica_count < resources.min_replica_count:
        raise exceptions.InvalidArgument("dedicated_resources.max_replica_count is below min_replica_count.")


def _split_without(endpoint: v1.Endpoint, removed: str, split: Mapping[str, int]) -> dict[str, int]:
    ids = [deployed.id for deployed in endpoint.deployed_models]
    traffic.check_split(split, ids)
    if ids == [removed]:
        return {}
    wanted = dict(split or endpoint.traffic_split)
    if wanted.pop(removed, 0):
        raise exceptions.FailedPrecondition(
            f"Deployed model {removed} still receives traffic: shift it to others before it is undeployed."
        )
    return wanted
