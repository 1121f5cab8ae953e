"""Operators that deploy a model version to an endpoint, and shift its traffic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import AlreadyExists

from vertex_mlops.contract.names import CHAMPION_ALIAS
from vertex_mlops.contract.serving import ServingSpec
from vertex_mlops.exceptions import ChampionChangedError, EndpointChangedError, EndpointTakenError
from vertex_mlops.links.vertex_ai import EndpointLink
from vertex_mlops.operators.rollout.base import EndpointBaseOperator
from vertex_mlops.rollout.deployed_models import (
    describe_split,
    endpoint_id_for,
    find_champion,
    find_deployed,
    find_endpoint,
    live_split,
    shares_of_others,
    traffic_split_for,
)
from vertex_mlops.runs.compiled_pipeline import part_of_job, read_pipeline_job
from vertex_mlops.runs.pipeline_jobs import resource_id
from vertex_mlops.runs.results import skip

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import Endpoint


class DeployModelVersionOperator(EndpointBaseOperator):
    """
    Deploy a version next to the serving model, without traffic, once.

    Differences from the provider's DeployModelOperator: the endpoint is the one that the pipeline
    job names, and is created if there is none; a version that is deployed to it, or is being deployed, is
    not deployed again; the task waits for a slow deployment without a worker slot.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints/deployModel

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param model_version: Resource name of the version (templated).
    :param pipeline_job: Resource name of the pipeline job that made the version; it has the name of the
        endpoint and its machines (templated).
    :param champion_version: Resource name of what must be the champion for the version to take over; empty if
        there must be none, None if it does not matter (templated).
    :param poll_interval: Seconds between two polls of a deployment.
    :param wait_timeout: Seconds to wait for it.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    :return: ``endpoint``, ``deployed_model_id``, ``model_version``, ``champion_id``: what shares the traffic
        with it; None if there is nothing else; and the ``traffic`` split of the endpoint.
    :raises AirflowSkipException: another version has become champion, and nothing was deployed yet.
    :raises ChampionChangedError: another version has become champion, but the version is deployed.
    :raises EndpointTakenError: unrelated models have all traffic of the endpoint.
    :raises VertexOperationError: the deployment failed.
    :raises VertexOperationTimeoutError: the deployment takes too long.
    :raises SpecError: the pipeline job is gone, or contains no serving spec.
    """

    template_fields = (
        "region",
        "project_id",
        "model_version",
        "pipeline_job",
        "champion_version",
        "impersonation_chain",
        "gcp_conn_id",
    )
    # a pipeline need not tell what it has compared its model with
    optional_results = ("champion_version",)
    operator_extra_links = (EndpointLink(),)

    def __init__(
        self,
        *,
        model_version: str,
        pipeline_job: str,
        champion_version: str | None = None,
        poll_interval: float = 60,
        wait_timeout: float = 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model_version = model_version
        self.pipeline_job = pipeline_job
        self.champion_version = champion_version
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        from google.cloud.aiplatform_v1.types import DeployModelOperationMetadata

        job = read_pipeline_job(self.pipeline_job, self.gcp_conn_id, self.impersonation_chain)
        serving = part_of_job(ServingSpec, job)
        found = find_endpoint(self.client, self.parent, serving.name)
        if found:
            # what an earlier try has begun is not listed before it ends
            self.settle(context, found.name, DeployModelOperationMetadata)
            found = self.read_endpoint(found.name)
        self._check_champion(context, found)
        endpoint = found or self._create(context, serving)
        EndpointLink.persist(context=context, endpoint_id=resource_id(endpoint.name))
        self._check_not_taken(endpoint)
        deployed_model_id = self.deploy(context, endpoint, self.model_version, serving)
        # a deployment takes its time
        endpoint = self.read_endpoint(endpoint.name)
        self._check_champion(context, endpoint)
        self._check_not_taken(endpoint)
        champion = find_champion(
            endpoint,
            self.version(self.model_version, CHAMPION_ALIAS),
            self.model_version,
            deployed_model_id,
        )
        self.log.info("%s is deployed as %s", self.model_version, deployed_model_id)
        return {
            "endpoint": endpoint.name,
            "deployed_model_id": deployed_model_id,
            "model_version": self.model_version,
            "champion_id": champion.id if champion else None,
            "traffic": live_split(endpoint),
        }

    def _check_champion(self, context: Context, endpoint: Endpoint | None) -> None:
        try:
            self.is_champion(self.model_version, self.champion_version)
        except ChampionChangedError as error:
            if endpoint and find_deployed(endpoint, self.model_version):
                # fails, so that what is deployed is rolled back
                raise
            skip(context, str(error))

    def _check_not_taken(self, endpoint: Endpoint) -> None:
        others = shares_of_others(endpoint, self.model_version)
        if sum(others.values()) == 100:
            raise EndpointTakenError(
                f"all traffic of {endpoint.name} goes to other models, {describe_split(endpoint, others)}:"
                f" they keep it, and nothing is left for {self.model_version}; free some of it on the"
                " endpoint's page, then clear this task"
            )

    def _create(self, context: Context, serving: ServingSpec) -> Endpoint:
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
            self.begin(context, f"the creation of {name}", self.client.create_endpoint, request)
        except AlreadyExists:
            self.log.info("%s exists now", name)
        return self.read_endpoint(name)


class ShiftTrafficOperator(EndpointBaseOperator):
    """
    Give a deployed model a share of its endpoint's traffic, and the rest to the champion.

    The first model of an endpoint gets all traffic at once. Unrelated models at the same endpoint keep their
    shares; the percentage applies to the remaining traffic.

    In a rollout, the traffic must be as the previous step has left it, or as this step or a later one of the
    same run leaves it: if somebody else has changed it, the task fails and changes nothing. Without
    ``traffic``, as in a rollback, the other versions of the model lose their traffic. A version that is
    already the champion keeps its traffic.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/predictions/deploy-model-api#traffic-split

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param endpoint_name: Resource name of the endpoint (templated).
    :param deployed_model_id: The ID of the new deployed model (templated).
    :param model_version: Resource name of the version that it was made from (templated).
    :param champion_id: The ID of the deployed model that gets the rest; None if there is none (templated).
    :param percent: Share of the new model, from 1 to 100 (templated).
    :param champion_version: Resource name of what must be the champion for the version to take over; empty if
        there must be none, None if it does not matter (templated).
    :param traffic: Split that the previous step has left, in per cent by the id of the deployed model; None
        if it does not matter (templated).
    :param steps: Shares of all steps of the run, in per cent: a step that was cleared meets later ones.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    :return: ``percent`` of all traffic that the new model really has, ``since`` when, in ISO 8601, and the
        ``traffic`` split.
    :raises ChampionChangedError: the champion is another one by now.
    :raises EndpointChangedError: somebody else has changed the traffic, or undeployed the model.
    :raises google.api_core.exceptions.NotFound: the endpoint is gone.
    """

    template_fields = (
        "region",
        "project_id",
        "endpoint_name",
        "deployed_model_id",
        "model_version",
        "champion_id",
        "champion_version",
        "traffic",
        "percent",
        "impersonation_chain",
        "gcp_conn_id",
    )
    # the first model of an endpoint has no others next to it; what it was compared with need not be known
    optional_results = ("champion_id", "champion_version")
    operator_extra_links = (EndpointLink(),)

    def __init__(
        self,
        *,
        endpoint_name: str,
        deployed_model_id: str,
        model_version: str,
        percent: int,
        champion_id: str | None = None,
        champion_version: str | None = None,
        traffic: dict[str, int] | None = None,
        steps: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.deployed_model_id = deployed_model_id
        self.model_version = model_version
        self.champion_id = champion_id
        self.champion_version = champion_version
        self.traffic = traffic
        self.percent = percent
        self.steps = steps

    def execute(self, context: Context) -> dict[str, Any]:
        EndpointLink.persist(context=context, endpoint_id=resource_id(self.endpoint_name))
        promoted = self.is_champion(self.model_version, self.champion_version)
        since = datetime.now(UTC)
        split = self.change_split(self.endpoint_name, self._kept if promoted else self._shared_out)
        return {
            "percent": split[self.deployed_model_id],
            "since": since.isoformat(),
            "traffic": split,
        }

    def _shared_out(self, endpoint: Endpoint) -> dict[str, int]:
        """Return the split of this step, if nobody else has changed what the previous step left."""
        deployed = {model.id for model in endpoint.deployed_models}
        wanted = self._split(endpoint, self.percent)
        found = live_split(endpoint)
        later = [self._split(endpoint, step) for step in self.steps if step > self.percent]
        if gone := {self.deployed_model_id, *wanted} - deployed:
            raise self._changed(endpoint, f"deployed model {' and '.join(sorted(gone))} is gone")
        if not wanted[self.deployed_model_id]:
            raise self._changed(endpoint, "other models have all of it")
        if self.traffic is not None and found not in (wanted, self.traffic, *later):
            raise self._changed(endpoint, f"expected {describe_split(endpoint, self.traffic)}")
        ours = found.keys() - shares_of_others(endpoint, self.model_version).keys()
        if self.traffic is not None and ours and ours.isdisjoint({self.deployed_model_id, self.champion_id}):
            # another run, or a person, has given it to a third version
            raise self._changed(endpoint, "expected the champion among them")
        return wanted

    def _kept(self, endpoint: Endpoint) -> dict[str, int]:
        """Return the split of an endpoint whose champion is the new model already: it is not changed."""
        wanted, found = self._split(endpoint, 100), live_split(endpoint)
        if (found and found != wanted) or not find_deployed(endpoint, self.model_version):
            raise self._changed(endpoint, f"expected all of it with the champion {self.model_version}")
        return wanted

    def _split(self, endpoint: Endpoint, percent: int) -> dict[str, int]:
        others = shares_of_others(endpoint, self.model_version)
        return traffic_split_for(percent, self.deployed_model_id, self.champion_id, others)

    def _changed(self, endpoint: Endpoint, problem: str) -> EndpointChangedError:
        return EndpointChangedError(
            f"traffic of {endpoint.name} is {describe_split(endpoint, live_split(endpoint))}; {problem}:"
            " somebody else has changed the endpoint, and this task changes nothing; clear deploy and its"
            " downstream tasks to continue from there"
        )
