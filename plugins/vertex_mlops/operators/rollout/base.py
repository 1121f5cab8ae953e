"""Bases of the operators of models and endpoints."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Aborted, FailedPrecondition, NotFound

from vertex_mlops.contract.names import CHAMPION_ALIAS, PREVIOUS_ALIAS, REPLACED_ALIAS
from vertex_mlops.contract.retries import READ_RETRY_SECONDS, REQUEST_SECONDS, is_transient, transient_retry
from vertex_mlops.exceptions import ChampionChangedError, EndpointChangedError
from vertex_mlops.operators.vertex_base import VertexBaseOperator
from vertex_mlops.rollout.deployed_models import (
    describe_split,
    find_deployed,
    find_version,
    live_split,
    same_version,
    version_name,
)
from vertex_mlops.waiting.operations import OperationWait, begin_operation

if TYPE_CHECKING:
    from airflow.providers.google.cloud.hooks.vertex_ai.endpoint_service import EndpointServiceHook
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import Endpoint, Model

    from vertex_mlops.contract.serving import ServingSpec

# updates of an endpoint that may conflict with those of others
_MOST_CONFLICTS = 5


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
        """Return the client of the Model Registry."""
        from airflow.providers.google.cloud.hooks.vertex_ai.model_service import ModelServiceHook

        hook = ModelServiceHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)
        return hook.get_model_service_client(self.region)

    def version(self, model: str, alias: str) -> Model | None:
        """
        Read the version that has an alias.

        :param model: resource name of the model, or of any of its versions.
        :param alias: alias of the version.
        :return: the version; None if there is none.
        """
        return find_version(self.models, f"{model.partition('@')[0]}@{alias}")

    def add_labels(self, version: str, labels: dict[str, str]) -> None:
        """
        Set labels of a version; those that others have given it stay.

        :param version: its resource name.
        :param labels: values by key.
        """
        found: Model = self.models.get_model(
            name=version, retry=transient_retry(READ_RETRY_SECONDS), timeout=REQUEST_SECONDS
        )
        self.models.update_model(
            model={"name": version, "labels": {**found.labels, **labels}},
            update_mask={"paths": ["labels"]},
            retry=transient_retry(READ_RETRY_SECONDS),
            timeout=REQUEST_SECONDS,
        )

    def previous(self, model: str) -> Model | None:
        """
        Read the version that the champion replaced.

        :param model: resource name of the model, or of any of its versions.
        :return: the version; None if there is none.
        """
        champion, replaced = self.version(model, CHAMPION_ALIAS), self.version(model, REPLACED_ALIAS)
        # a promotion that broke off before its last call
        if replaced and champion and replaced.version_id != champion.version_id:
            return replaced
        return self.version(model, PREVIOUS_ALIAS)

    def is_champion(self, model_version: str, champion_version: str | None) -> bool:
        """
        Return whether a version is the champion, and check that nobody else has replaced the previous one.

        :param model_version: resource name of the version.
        :param champion_version: resource name of what was the champion when the version was chosen; empty if
            there was none, None if that is not known.
        :return: True if it is the champion; False if it may become it.
        :raises ChampionChangedError: another version has become champion.
        """
        found = self.version(model_version, CHAMPION_ALIAS)
        champion = version_name(found) if found else ""
        if same_version(champion, model_version):
            return True
        if champion_version is not None and not same_version(champion, champion_version):
            raise ChampionChangedError(
                f"{model_version} was chosen when the champion was {champion_version or 'no version'},"
                f" but by now it is {champion or 'no version'}: trigger a new run (a retraining with force)"
            )
        return False


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
        :return: the endpoint.
        """
        endpoint: Endpoint = self.client.get_endpoint(
            name=name, retry=transient_retry(READ_RETRY_SECONDS), timeout=REQUEST_SECONDS
        )
        return endpoint

    def change_split(self, name: str, decide: Callable[[Endpoint], dict[str, int]]) -> dict[str, int]:
        """
        Read an endpoint and set its traffic split, unless it is so already.

        If somebody else changes the endpoint in between, it is read again and the decision repeated: the
        update contains the etag of the endpoint as it was read.

        .. seealso::
            https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints#Endpoint

        :param name: resource name of the endpoint.
        :param decide: returns the new split of the endpoint as it was read.
        :return: share in per cent by the id of the deployed model.
        :raises EndpointChangedError: the endpoint keeps changing.
        """
        conflict: Exception | None = None
        for _ in range(_MOST_CONFLICTS):
            endpoint = self.read_endpoint(name)
            split = decide(endpoint)
            if split == live_split(endpoint):
                self.log.info("Traffic of %s is %s already", name, describe_split(endpoint, split))
                return split
            try:
                self._set_split(endpoint, split)
            except (Aborted, FailedPrecondition) as error:
                self.log.warning("%s was changed meanwhile, reading it again: %s", name, error)
                conflict = error
                continue
            before = describe_split(endpoint, live_split(endpoint))
            self.log.info("Traffic of %s: %s; it was %s", name, describe_split(endpoint, split), before)
            return split
        raise EndpointChangedError(
            f"{name} refused {_MOST_CONFLICTS} updates of what was just read; nothing was changed: {conflict}"
        )

    def _set_split(self, endpoint: Endpoint, split: dict[str, int]) -> None:
        # an etag that does not match is ABORTED, and would not match the next time either
        retry = transient_retry(READ_RETRY_SECONDS).with_predicate(
            lambda error: is_transient(error) and not isinstance(error, Aborted)
        )
        self.client.update_endpoint(
            endpoint={"name": endpoint.name, "traffic_split": split, "etag": endpoint.etag},
            update_mask={"paths": ["traffic_split"]},
            retry=retry,
            timeout=REQUEST_SECONDS,
        )

    def deploy(self, context: Context, endpoint: Endpoint, model_version: str, serving: ServingSpec) -> str:
        """
        Deploy a version without traffic, unless it is deployed; reschedule the task while it is under way.

        :param context: the task's context.
        :param endpoint: to deploy it to, as it was read after its deployments had ended (:meth:`settle`).
        :param model_version: resource name of the version.
        :param serving: machine type and number of replicas.
        :return: id of the deployed model.
        """
        if found := find_deployed(endpoint, model_version):
            return found.id
        resources = {
            "machine_spec": {"machine_type": serving.machine_type},
            "min_replica_count": serving.min_replicas,
            "max_replica_count": serving.max_replicas,
        }
        request = {
            "endpoint": endpoint.name,
            "deployed_model": {
                "model": model_version,
                "display_name": serving.name,
                "dedicated_resources": resources,
            },
        }
        answer = self.begin(context, f"the deployment of {model_version}", self.client.deploy_model, request)
        return str(answer.deployed_model.id)

    def settle(self, context: Context, resource: str, metadata: Any) -> None:
        """
        Reschedule the task while an operation of a kind is under way, whoever started it.

        :param context: the task's context.
        :param resource: name of the resource that it works on.
        :param metadata: metadata class of the operations.
        """
        wait = OperationWait(self.client, resource, metadata)
        wait.settle(context, self.poll_interval, self.wait_timeout)

    def begin(self, context: Context, what: str, method: Any, request: dict[str, Any]) -> Any:
        """
        Start an operation; reschedule the task if it is not quick, or if no answer comes.

        :param context: the task's context.
        :param what: name of the operation, for the log.
        :param method: method of the client that starts it.
        :param request: the request.
        :return: the response of the operation.
        """
        begin = partial(method, request=request, timeout=REQUEST_SECONDS)
        return begin_operation(context, what, begin, self.poll_interval, self.wait_timeout)

    def undeploy(self, context: Context, endpoint: str, deployed_model_id: str) -> None:
        """
        Undeploy a model; it may be gone already, and stays if somebody else gives it traffic.

        .. seealso::
            https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints/undeployModel

        :param context: the task's context.
        :param endpoint: resource name of the endpoint.
        :param deployed_model_id: id of the model.
        """
        from google.cloud.aiplatform_v1.types import UndeployModelOperationMetadata

        self.settle(context, endpoint, UndeployModelOperationMetadata)
        request = {"endpoint": endpoint, "deployed_model_id": deployed_model_id}
        try:
            self.begin(
                context, f"the undeployment of {deployed_model_id}", self.client.undeploy_model, request
            )
        except NotFound:
            self.log.info("Deployed model %s is gone already", deployed_model_id)
        except FailedPrecondition as error:
            self.log.warning("Deployed model %s stays: %s", deployed_model_id, error)
