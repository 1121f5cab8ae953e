"""Endpoints: where models are deployed to and asked for predictions."""

from __future__ import annotations

import re
from collections.abc import Mapping

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2  # type: ignore[import-untyped]

from localcloud.vertex.api.calls import Handler, now
from localcloud.vertex.endpoints.request_log import RequestLog, logging_table
from localcloud.vertex.endpoints.traffic import check_split
from localcloud.vertex.resources import masks
from localcloud.vertex.resources.filters import Queryable
from localcloud.vertex.resources.names import id_of, new_id
from localcloud.vertex.resources.operations import Kind, Operations
from localcloud.vertex.resources.query import select_for
from localcloud.vertex.resources.rules import (
    check_display_name,
    check_etag,
    check_labels,
    new_etag,
    refuse_set,
)
from localcloud.vertex.resources.store import ResourceStore

_ENDPOINT_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?|[1-9][0-9]{0,8}")
_LOGGING = "predict_request_response_logging_config"
# Source: https://cloud.google.com/sdk/gcloud/reference/alpha/ai/endpoints/update
_UPDATABLE = ("display_name", "description", "labels", "traffic_split", _LOGGING)
_NOT_SERVED = (
    "encryption_spec", "network", "enable_private_service_connect", "private_service_connect_config",
    "dedicated_endpoint_enabled", "client_connection_config", "gen_ai_advanced_features_config",
    "private_model_server_enabled",
)  # fmt: skip

_ENDPOINTS = Queryable(
    v1.Endpoint,
    ("display_name", "labels"),
    ("display_name", "create_time", "update_time"),
    # there are no base models here
    {"endpoint": lambda endpoint: id_of(endpoint.name), "base_model_name": lambda endpoint: ""},
)


class EndpointService:
    """
    Serve endpoints; what deploys models to them is in ``deployments``.

    Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints

    :param store: keeps the endpoints.
    :param operations: runs what is long.
    :param requests: logs the requests to them.
    """

    def __init__(self, store: ResourceStore, operations: Operations, requests: RequestLog) -> None:
        self._store = store
        self._requests = requests
        self._operations = operations
        operations.serve(
            Kind(v1.CreateEndpointRequest, v1.CreateEndpointOperationMetadata, self._created),
            Kind(v1.DeleteEndpointRequest, v1.DeleteOperationMetadata, self._deleted),
        )

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers of EndpointService that concern the endpoint itself."""
        return {
            "EndpointService.CreateEndpoint": self._create,
            "EndpointService.GetEndpoint": self._get,
            "EndpointService.ListEndpoints": self._list,
            "EndpointService.UpdateEndpoint": self._update,
            "EndpointService.DeleteEndpoint": self._delete,
        }

    def _create(self, request: v1.CreateEndpointRequest) -> operations_pb2.Operation:
        endpoint = request.endpoint
        check_display_name(endpoint.display_name, "endpoint.display_name")
        check_labels(endpoint.labels)
        refuse_set(endpoint, *_NOT_SERVED)
        if request.endpoint_id and not _ENDPOINT_ID.fullmatch(request.endpoint_id):
            raise exceptions.InvalidArgument(f"Invalid endpoint_id {request.endpoint_id!r}.")
        check_split(endpoint.traffic_split, ())
        created = v1.Endpoint(
            name=f"{request.parent}/endpoints/{request.endpoint_id or new_id()}",
            display_name=endpoint.display_name,
            description=endpoint.description,
            labels=endpoint.labels,
            predict_request_response_logging_config=endpoint.predict_request_response_logging_config,
            etag=new_etag(),
            create_time=now(),
        )
        created.update_time = created.create_time
        self._settle_logging(created)
        if self._store.exists(created.name):
            raise exceptions.AlreadyExists(f"Endpoint {created.name} already exists.")
        return self._operations.start(
            created.name, v1.CreateEndpointRequest(parent=request.parent, endpoint=created)
        )

    def _created(self, request: v1.CreateEndpointRequest) -> v1.Endpoint:
        self._store.create(request.endpoint.name, request.endpoint)
        return request.endpoint

    def _get(self, request: v1.GetEndpointRequest) -> v1.Endpoint:
        return self._store.get(request.name, v1.Endpoint)

    def _list(self, request: v1.ListEndpointsRequest) -> v1.ListEndpointsResponse:
        page = select_for(request, self._store.list(f"{request.parent}/endpoints", v1.Endpoint), _ENDPOINTS)
        return v1.ListEndpointsResponse(endpoints=page.items, next_page_token=page.next_page_token)

    def _update(self, request: v1.UpdateEndpointRequest) -> v1.Endpoint:
        with self._store.transaction():
            endpoint = self._store.get(request.endpoint.name, v1.Endpoint)
            check_etag(request.endpoint.etag, endpoint.etag)
            logging = v1.PredictRequestResponseLoggingConfig(endpoint.predict_request_response_logging_config)
            masks.apply(endpoint, request.endpoint, request.update_mask.paths, _UPDATABLE)
            check_display_name(endpoint.display_name, "endpoint.display_name")
            check_labels(endpoint.labels)
            check_split(endpoint.traffic_split, [deployed.id for deployed in endpoint.deployed_models])
            if logging != endpoint.predict_request_response_logging_config:
                _check_unmonitored(endpoint)
            self._settle_logging(endpoint)
            save(self._store, endpoint)
        return endpoint

    def _settle_logging(self, endpoint: v1.Endpoint) -> None:
        """Check the logging of requests, and create its table."""
        config = endpoint.predict_request_response_logging_config
        if not config.enabled:
            return
        if not 0 < config.sampling_rate <= 1:
            raise exceptions.InvalidArgument(
                f"{_LOGGING}.sampling_rate must be in (0, 1], got {config.sampling_rate:g}."
            )
        table = logging_table(endpoint)
        self._requests.ensure(table)
        project = config.bigquery_destination.output_uri.removeprefix("bq://").partition(".")[0]
        config.bigquery_destination.output_uri = f"bq://{project}.{table.dataset}.{table.name}"

    def _delete(self, request: v1.DeleteEndpointRequest) -> operations_pb2.Operation:
        self._check_unused(request.name)
        return self._operations.start(request.name, request)

    def _deleted(self, request: v1.DeleteEndpointRequest) -> None:
        self._check_unused(request.name)
        self._store.delete(request.name)

    def _check_unused(self, name: str) -> None:
        endpoint = self._store.get(name, v1.Endpoint)
        if endpoint.deployed_models:
            ids = ", ".join(deployed.id for deployed in endpoint.deployed_models)
            raise exceptions.FailedPrecondition(
                f"Endpoint {name} has deployed models ({ids}): undeploy them first."
            )
        if endpoint.model_deployment_monitoring_job:
            raise exceptions.FailedPrecondition(
                f"Endpoint {name} is monitored by {endpoint.model_deployment_monitoring_job}:"
                " delete that job first."
            )


def _check_unmonitored(endpoint: v1.Endpoint) -> None:
    """Source: https://cloud.google.com/vertex-ai/docs/predictions/online-prediction-logging"""
    if endpoint.model_deployment_monitoring_job:
        raise exceptions.FailedPrecondition(
            f"{_LOGGING} of endpoint {endpoint.name} cannot be changed: it is monitored by"
            f" {endpoint.model_deployment_monitoring_job}, which logs to the same table."
        )


def save(store: ResourceStore, endpoint: v1.Endpoint) -> None:
    """Store a changed endpoint with a new time and etag."""
    endpoint.update_time, endpoint.etag = now(), new_etag()
    store.put(endpoint.name, endpoint)
