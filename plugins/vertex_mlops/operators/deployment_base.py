"""What the operators of deployed models have in common."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import NotFound

from vertex_mlops.deployed_models import find_version
from vertex_mlops.operators.vertex_base import VertexBaseOperator
from vertex_mlops.retries import PATIENCE_SECONDS, REQUEST_SECONDS, patiently
from vertex_mlops.vertex_operations import OperationWait, begin_operation

if TYPE_CHECKING:
    from airflow.providers.google.cloud.hooks.vertex_ai.endpoint_service import EndpointServiceHook
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import Endpoint, Model


class ModelRegistryBaseOperator(VertexBaseOperator):
    """
    Base class of the operators that act on models and endpoints; each call may be repeated.

    :param project_id: The ID of the Google Cloud project that the service belongs to (templated).
    :param region: The ID of the Google Cloud region that the service belongs to (templated).
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    """

    @cached_property
    def models(self) -> Any:
        """Client of the Model Registry."""
        from airflow.providers.google.cloud.hooks.vertex_ai.model_service import ModelServiceHook

        hook = ModelServiceHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)
        return hook.get_model_service_client(self.region)


class EndpointBaseOperator(ModelRegistryBaseOperator):
    """
    Base class of the operators that act on an endpoint and its deployed models.

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    """

    poll_interval: float = 60
    wait_timeout: float = 3600

    @cached_property
    def hook(self) -> EndpointServiceHook:
        from airflow.providers.google.cloud.hooks.vertex_ai.endpoint_service import EndpointServiceHook

        return EndpointServiceHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    @property
    def client(self) -> Any:
        return self.hook.get_endpoint_service_client(self.region)

    @property
    def parent(self) -> str:
        return f"projects/{self.project_id}/locations/{self.region}"

    def read_endpoint(self, name: str) -> Endpoint:
        """
        Read an endpoint.

        :param name: its resource name.
        """
        endpoint: Endpoint = self.client.get_endpoint(
            name=name, retry=patiently(PATIENCE_SECONDS), timeout=REQUEST_SECONDS
        )
        return endpoint

    def update(self, endpoint: str, path: str, value: Any) -> None:
        """
        Set one field of an endpoint.

        :param endpoint: its resource name.
        :param path: name of the field.
        :param value: of the field.
        """
        self.client.update_endpoint(
            endpoint={"name": endpoint, path: value},
            update_mask={"paths": [path]},
            retry=patiently(PATIENCE_SECONDS),
            timeout=REQUEST_SECONDS,
        )

    def version(self, model: str, alias: str) -> Model | None:
        """
        Read the version that has an alias.

        :param model: resource name of the model, or of any of its versions.
        :param alias: of the version.
        """
        return find_version(self.models, f"{model.partition('@')[0]}@{alias}")

    def settle(self, context: Context, resource: str, metadata: Any) -> None:
        """
        Come back later if an operation of a kind is under way, whoever has begun it.

        :param context: the task's context.
        :param resource: name of what it works on.
        :param metadata: class of the metadata that operations of the kind carry.
        """
        wait = OperationWait(self.client, resource, metadata)
        wait.settle(context, self.poll_interval, self.wait_timeout)

    def begin(self, context: Context, what: str, method: Any, request: dict[str, Any]) -> Any:
        """
        Begin an operation; if it is not quick, or no answer comes, look again later.

        :param context: the task's context.
        :param what: it does, for the log.
        :param method: of the client, which begins it.
        :param request: what the method takes.
        """
        begin = partial(method, request=request, timeout=REQUEST_SECONDS)
        return begin_operation(context, what, begin, self.poll_interval, self.wait_timeout)

    def undeploy(self, context: Context, endpoint: str, deployed_model_id: str) -> None:
        """
        Take a deployed model away; it may be gone already.

        :param context: the task's context.
        :param endpoint: resource name of the endpoint.
        :param deployed_model_id: id of the model.
        """
        from google.cloud.aiplatform_v1.types import UndeployModelOperationMetadata

        self.settle(context, endpoint, UndeployModelOperationMetadata)
        request = {"endpoint": endpoint, "deployed_model_id": deployed_model_id}
        try:
            self.begin(context, f"to undeploy {deployed_model_id}", self.client.undeploy_model, request)
        except NotFound:
            self.log.info("Deployed model %s is gone already", deployed_model_id)
