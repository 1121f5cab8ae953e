"""Operators that take deployed models away: those that have no traffic left, and one that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from vertex_mlops.deployed_models import (
    CHAMPION_ALIAS,
    PREVIOUS_ALIAS,
    deployed_version,
    find_champion,
    find_deployed,
    find_endpoint,
    version_name,
)
from vertex_mlops.links.vertex_ai import EndpointLink
from vertex_mlops.operators.deployment_base import EndpointBaseOperator
from vertex_mlops.pipeline_jobs import resource_id

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import Model


class RetireDeployedModelsOperator(EndpointBaseOperator):
    """
    Undeploy the models of an endpoint that have no traffic left: each costs a replica.

    The versions stay in the registry.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints/undeployModel

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param endpoint_name: Resource name of the endpoint (templated).
    :param deployed_model_id: The ID of the deployed model that serves (templated).
    :param model_version: Resource name of the version that it was made from (templated).
    :param keep_previous: Whether the version with the alias ``previous`` stays deployed.
    :param poll_interval: Seconds between two looks at an operation.
    :param wait_timeout: Seconds to wait for it.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    :return: ``endpoint``, ``deployed_model_id`` that serves, and the ids ``deployed``.
    :raises VertexOperationError: an operation failed.
    :raises VertexOperationTimeoutError: an operation takes too long.
    """

    template_fields = (
        "region",
        "project_id",
        "endpoint_name",
        "deployed_model_id",
        "model_version",
        "impersonation_chain",
        "gcp_conn_id",
    )
    operator_extra_links = (EndpointLink(),)

    def __init__(
        self,
        *,
        endpoint_name: str,
        deployed_model_id: str,
        model_version: str,
        keep_previous: bool = False,
        poll_interval: float = 60,
        wait_timeout: float = 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.deployed_model_id = deployed_model_id
        self.model_version = model_version
        self.keep_previous = keep_previous
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        EndpointLink.persist(context=context, endpoint_id=resource_id(self.endpoint_name))
        for deployed_model_id in self._idle():
            self.undeploy(context, self.endpoint_name, deployed_model_id)
        deployed = [model.id for model in self.read_endpoint(self.endpoint_name).deployed_models]
        return {
            "endpoint": self.endpoint_name,
            "deployed_model_id": self.deployed_model_id,
            "deployed": deployed,
        }

    def _idle(self) -> list[str]:
        kept = {self.deployed_model_id}
        endpoint = self.read_endpoint(self.endpoint_name)
        previous = self.version(self.model_version, PREVIOUS_ALIAS) if self.keep_previous else None
        if previous and (found := find_deployed(endpoint, version_name(previous))):
            kept.add(found.id)
        return [
            model.id
            for model in endpoint.deployed_models
            if model.id not in kept and not endpoint.traffic_split.get(model.id)
        ]


class RollBackDeploymentOperator(EndpointBaseOperator):
    """
    Give all traffic back to the champion and undeploy a model that failed on its way.

    It asks the registry and the endpoint what is to do, so it comes to the same end wherever the steps
    before it have died, and however often it is repeated. Without a champion the model is undeployed all the
    same: what was found wanting does not serve. The endpoint is the one of the model's name, as
    :class:`vertex_mlops.operators.deployment.DeployModelVersionOperator` has made it.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/predictions/deploy-model-api#traffic-split

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param model_version: Resource name of the version that failed; None if none was made (templated).
    :param poll_interval: Seconds between two looks at an operation.
    :param wait_timeout: Seconds to wait for it.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    :return: ``champion_id`` of the deployed model that has all traffic, and the ``champion`` version; None
        if there is none.
    :raises AirflowSkipException: nothing was deployed, or the model is the champion already.
    :raises VertexOperationError: an operation failed.
    :raises VertexOperationTimeoutError: an operation takes too long.
    """

    template_fields = ("region", "project_id", "model_version", "impersonation_chain", "gcp_conn_id")
    # it comes behind whatever has failed, also an upload
    optional_results = ("model_version",)
    operator_extra_links = (EndpointLink(),)

    def __init__(
        self,
        *,
        model_version: str | None,
        poll_interval: float = 60,
        wait_timeout: float = 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model_version = model_version
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        from google.cloud.aiplatform_v1.types import DeployModelOperationMetadata

        if not self.model_version:
            raise AirflowSkipException("no model was uploaded: nothing to take back")
        champion = self.version(self.model_version, CHAMPION_ALIAS)
        if champion and version_name(champion).rpartition("/")[2] == resource_id(self.model_version):
            raise AirflowSkipException(f"{self.model_version} is the champion: it stays")
        # the id of the model is also the name of its endpoint: see ServingSpec
        name = resource_id(self.model_version.partition("@")[0])
        found = find_endpoint(self.client, self.parent, name)
        if found is None:
            raise AirflowSkipException(f"there is no endpoint {name}: nothing to take back")
        EndpointLink.persist(context=context, endpoint_id=resource_id(found.name))
        # a deployment that goes on would end behind our back
        self.settle(context, found.name, DeployModelOperationMetadata)
        return self._take_back(context, found.name, champion)

    def _take_back(self, context: Context, name: str, champion: Model | None) -> dict[str, Any]:
        endpoint = self.read_endpoint(name)
        rejected = find_deployed(endpoint, str(self.model_version))
        back = find_champion(endpoint, champion, rejected.id if rejected else "")
        if back:
            traffic = {id_: share for id_, share in endpoint.traffic_split.items() if share}
            if rejected and traffic != {back.id: 100}:
                self.update(name, "traffic_split", {back.id: 100})
            self.log.info("All traffic of %s goes to %s", name, back.id)
        if rejected:
            self.undeploy(context, name, rejected.id)
            self.log.info("%s was undeployed", self.model_version)
        return {
            "champion_id": back.id if back else None,
            "champion": deployed_version(back) if back else None,
        }
