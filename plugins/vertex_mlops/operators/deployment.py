"""Operators that bring a model version behind an endpoint, and shift its traffic."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import AlreadyExists

from vertex_mlops.compiled_pipeline import read_pipeline_job
from vertex_mlops.deployed_models import (
    CHAMPION_ALIAS,
    endpoint_id_for,
    find_champion,
    find_deployed,
    find_endpoint,
    share_out,
)
from vertex_mlops.links.vertex_ai import EndpointLink
from vertex_mlops.operators.deployment_base import EndpointBaseOperator
from vertex_mlops.pipeline_jobs import resource_id
from vertex_mlops.serving import ServingSpec

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import Endpoint


class DeployModelVersionOperator(EndpointBaseOperator):
    """
    Deploy a version beside what serves, without traffic, once.

    It differs from the provider's DeployModelOperator in this: the endpoint is the one that the pipeline
    job names, and is made if there is none; a version that is deployed to it, or is about to be, is not
    deployed again; a slow deployment is waited for without a worker slot.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints/deployModel

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param model_version: Resource name of the version (templated).
    :param pipeline_job: Resource name of the pipeline job that made the version; it tells the name of the
        endpoint and its machines (templated).
    :param poll_interval: Seconds between two looks at a deployment.
    :param wait_timeout: Seconds to wait for it.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    :return: ``endpoint``, ``deployed_model_id``, ``model_version``, and ``champion_id``: what shares the
        traffic with it; None if there is nothing else.
    :raises VertexOperationError: the deployment failed.
    :raises VertexOperationTimeoutError: the deployment takes too long.
    :raises SpecError: the pipeline job is gone, or carries no serving spec.
    """

    template_fields = (
        "region",
        "project_id",
        "model_version",
        "pipeline_job",
        "impersonation_chain",
        "gcp_conn_id",
    )
    operator_extra_links = (EndpointLink(),)

    def __init__(
        self,
        *,
        model_version: str,
        pipeline_job: str,
        poll_interval: float = 60,
        wait_timeout: float = 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model_version = model_version
        self.pipeline_job = pipeline_job
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        job = read_pipeline_job(self.pipeline_job, self.gcp_conn_id, self.impersonation_chain)
        serving = ServingSpec.from_job(job)
        endpoint = self._find_or_create(context, serving)
        EndpointLink.persist(context=context, endpoint_id=resource_id(endpoint.name))
        deployed_model_id = self._find_or_deploy(context, endpoint, serving)
        champion = find_champion(
            self.read_endpoint(endpoint.name),
            self.version(self.model_version, CHAMPION_ALIAS),
            deployed_model_id,
        )
        self.log.info("%s is deployed as %s", self.model_version, deployed_model_id)
        return {
            "endpoint": endpoint.name,
            "deployed_model_id": deployed_model_id,
            "model_version": self.model_version,
            "champion_id": champion.id if champion else None,
        }

    def _find_or_create(self, context: Context, serving: ServingSpec) -> Endpoint:
        if found := find_endpoint(self.client, self.parent, serving.name):
            return found
        from google.cloud.aiplatform_v1.types import CreateEndpointOperationMetadata

        endpoint_id = endpoint_id_for(serving.name)
        name = f"{self.parent}/endpoints/{endpoint_id}"
        self.settle(context, name, CreateEndpointOperationMetadata)
        request = {
            "parent": self.parent,
            "endpoint": {"display_name": serving.name},
            "endpoint_id": endpoint_id,
        }
        try:
            self.begin(context, f"to create {name}", self.client.create_endpoint, request)
        except AlreadyExists:
            self.log.info("%s is there by now", name)
        return self.read_endpoint(name)

    def _find_or_deploy(self, context: Context, endpoint: Endpoint, serving: ServingSpec) -> str:
        from google.cloud.aiplatform_v1.types import DeployModelOperationMetadata

        if found := find_deployed(endpoint, self.model_version):
            return found.id
        self.settle(context, endpoint.name, DeployModelOperationMetadata)
        # it may have ended between the two looks
        if found := find_deployed(self.read_endpoint(endpoint.name), self.model_version):
            return found.id
        resources = {
            "machine_spec": {"machine_type": serving.machine_type},
            "min_replica_count": serving.min_replicas,
            "max_replica_count": serving.max_replicas,
        }
        request = {
            "endpoint": endpoint.name,
            "deployed_model": {
                "model": self.model_version,
                "display_name": serving.name,
                "dedicated_resources": resources,
            },
        }
        answer = self.begin(context, f"to deploy {self.model_version}", self.client.deploy_model, request)
        return str(answer.deployed_model.id)


class ShiftTrafficOperator(EndpointBaseOperator):
    """
    Give a deployed model a share of its endpoint's traffic, and the rest to the champion.

    The first model of an endpoint has nothing beside it and gets all traffic at once.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/predictions/deploy-model-api#traffic-split

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param endpoint_name: Resource name of the endpoint (templated).
    :param deployed_model_id: The ID of the new deployed model (templated).
    :param champion_id: The ID of the deployed model that gets the rest; None if there is none (templated).
    :param percent: Share of the new model, from 1 to 100 (templated).
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    :return: ``percent`` that the new model really has, and ``since`` when, in ISO 8601.
    :raises google.api_core.exceptions.NotFound: the endpoint is gone.
    """

    template_fields = (
        "region",
        "project_id",
        "endpoint_name",
        "deployed_model_id",
        "champion_id",
        "percent",
        "impersonation_chain",
        "gcp_conn_id",
    )
    # the first model of an endpoint has nothing beside it
    optional_results = ("champion_id",)
    operator_extra_links = (EndpointLink(),)

    def __init__(
        self,
        *,
        endpoint_name: str,
        deployed_model_id: str,
        percent: int,
        champion_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.deployed_model_id = deployed_model_id
        self.champion_id = champion_id
        self.percent = percent

    def execute(self, context: Context) -> dict[str, Any]:
        EndpointLink.persist(context=context, endpoint_id=resource_id(self.endpoint_name))
        endpoint = self.read_endpoint(self.endpoint_name)
        split = share_out(self.percent, self.deployed_model_id, self.champion_id)
        since = datetime.now(UTC)
        if split != {id_: share for id_, share in endpoint.traffic_split.items() if share}:
            self.update(self.endpoint_name, "traffic_split", split)
        self.log.info("Traffic of %s: %s", self.endpoint_name, split)
        return {"percent": split[self.deployed_model_id], "since": since.isoformat()}
