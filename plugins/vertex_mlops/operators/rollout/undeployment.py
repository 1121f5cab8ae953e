"""Operators that undeploy models: those that have no traffic left, and one that failed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from vertex_mlops.contract.names import CHAMPION_ALIAS, PREVIOUS_ALIAS, REPLACED_ALIAS
from vertex_mlops.contract.serving import ServingSpec
from vertex_mlops.links.vertex_ai import EndpointLink
from vertex_mlops.operators.rollout.base import EndpointBaseOperator
from vertex_mlops.rollout.deployed_models import (
    deployed_version,
    describe_deployed,
    find_champion,
    find_deployed,
    find_endpoint,
    find_version,
    is_of,
    live_split,
    same_version,
    version_name,
)
from vertex_mlops.runs.compiled_pipeline import part_of_job, read_pipeline_job
from vertex_mlops.runs.pipeline_jobs import resource_id

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import DeployedModel, Endpoint, Model


class RetireDeployedModelsOperator(EndpointBaseOperator):
    """
    Undeploy the versions of a model that have no traffic: each costs a replica.

    Only the run of the champion does so. It undeploys the version that it has replaced, and those that were
    deployed before its own model: a version that was deployed later belongs to another active run. Unrelated
    models stay. The versions stay in the registry. A version that gets traffic in the meantime stays
    deployed, since Vertex AI undeploys no model with traffic.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints/undeployModel

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param endpoint_name: Resource name of the endpoint (templated).
    :param deployed_model_id: The ID of the deployed model that serves (templated).
    :param model_version: Resource name of the version that it was made from (templated).
    :param keep_previous: Whether the version with the alias ``previous`` stays deployed.
    :param rollback_dag_id: ID of the DAG that rolls back to the version with that alias: while a run of it
        is active, that version stays deployed, too.
    :param poll_interval: Seconds between two polls of an operation.
    :param wait_timeout: Seconds to wait for it.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    :return: ``endpoint``, ``deployed_model_id`` that serves, and the ids ``deployed``.
    :raises AirflowSkipException: the version is no longer the champion.
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
        rollback_dag_id: str | None = None,
        poll_interval: float = 60,
        wait_timeout: float = 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.deployed_model_id = deployed_model_id
        self.model_version = model_version
        self.keep_previous = keep_previous
        self.rollback_dag_id = rollback_dag_id
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        EndpointLink.persist(context=context, endpoint_id=resource_id(self.endpoint_name))
        champion = self.version(self.model_version, CHAMPION_ALIAS)
        if champion is None or not same_version(version_name(champion), self.model_version):
            found = version_name(champion) if champion else "no version"
            raise AirflowSkipException(
                f"{self.model_version} is not the champion, {found} is: its run undeploys what it replaced"
            )
        for deployed in self._idle(self.keep_previous or self._is_rolled_back(context)):
            self.log.info("Undeploying %s: it has no traffic", describe_deployed(deployed))
            self.undeploy(context, self.endpoint_name, deployed.id)
        deployed_ids = [model.id for model in self.read_endpoint(self.endpoint_name).deployed_models]
        return {
            "endpoint": self.endpoint_name,
            "deployed_model_id": self.deployed_model_id,
            "deployed": deployed_ids,
        }

    def _is_rolled_back(self, context: Context) -> bool:
        states = ["queued", "running"]
        count = context["ti"].get_dr_count
        return bool(self.rollback_dag_id and count(dag_id=self.rollback_dag_id, states=states))

    def _idle(self, keep_previous: bool) -> list[DeployedModel]:
        endpoint = self.read_endpoint(self.endpoint_name)
        serving: Any = find_deployed(endpoint, self.model_version)
        previous = self.previous(self.model_version)
        replaced = find_deployed(endpoint, version_name(previous)) if previous else None
        idle = []
        for deployed in endpoint.deployed_models:
            if deployed == serving or deployed.id in live_split(endpoint):
                continue
            if deployed == replaced:
                keep = keep_previous
            else:
                keep = not serving or deployed.create_time > serving.create_time
            if keep or not is_of(deployed, self.model_version):
                self.log.info("%s stays deployed", describe_deployed(deployed))
            else:
                idle.append(deployed)
        return idle


class RollBackDeploymentOperator(EndpointBaseOperator):
    """
    Roll back a deployment: return the traffic of a model that failed to the champion, and undeploy it.

    It reads the registry and the endpoint, so it can be repeated, and works after a failure of any step of
    the rollout. It moves only the share of that model: traffic that a rollback or a person has given to
    others stays. If the champion was undeployed manually, it is deployed again first. Without a champion or
    another deployed version of the model there is nothing to roll back to: then the model keeps serving if
    it was verified before, and is undeployed if it was rejected or never verified. The endpoint has the name
    of the model, as created by
    :class:`vertex_mlops.operators.rollout.deployment.DeployModelVersionOperator`.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/predictions/deploy-model-api#traffic-split

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param model_version: Resource name of the version that failed; None if there is none (templated).
    :param champion_version: Resource name of the version that it was compared with; None if unknown
        (templated). A version that was champion before stays, unless this run was to promote it.
    :param deployed_model_id: The ID under which the run has deployed it; None if unknown (templated).
    :param rejections: The XCom ``rejected`` of each VerifyDeployedModelOperator: the reason of the
        rejection; empty if it has verified the model, None if it has no verdict (templated).
    :param poll_interval: Seconds between two polls of an operation.
    :param wait_timeout: Seconds to wait for it.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    :return: ``champion_id`` of the deployed model that the traffic went back to, and the ``champion``
        version; None if there is none.
    :raises AirflowSkipException: nothing was deployed, the model is or was the champion, somebody else has
        deployed it, or nothing else can serve and the model was verified.
    :raises EndpointChangedError: the endpoint keeps changing.
    :raises VertexOperationError: an operation failed.
    :raises VertexOperationTimeoutError: an operation takes too long.
    """

    template_fields = (
        "region",
        "project_id",
        "model_version",
        "champion_version",
        "deployed_model_id",
        "rejections",
        "impersonation_chain",
        "gcp_conn_id",
    )
    # it runs after any task that has failed, also an upload
    optional_results = ("model_version", "champion_version", "deployed_model_id", "rejections")
    operator_extra_links = (EndpointLink(),)

    def __init__(
        self,
        *,
        model_version: str | None,
        champion_version: str | None = None,
        deployed_model_id: str | None = None,
        rejections: Sequence[str | None] = (),
        poll_interval: float = 60,
        wait_timeout: float = 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model_version = model_version
        self.champion_version = champion_version
        self.deployed_model_id = deployed_model_id
        self.rejections = rejections
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        from google.cloud.aiplatform_v1.types import DeployModelOperationMetadata

        if not self.model_version:
            raise AirflowSkipException("no model was uploaded: nothing to roll back")
        champion = self.version(self.model_version, CHAMPION_ALIAS)
        self._check_not_promoted(champion)
        # the id of the model is also the name of its endpoint: see ServingSpec
        name = resource_id(self.model_version.partition("@")[0])
        found = find_endpoint(self.client, self.parent, name)
        if found is None:
            raise AirflowSkipException(f"there is no endpoint {name}: nothing to roll back")
        EndpointLink.persist(context=context, endpoint_id=resource_id(found.name))
        # a deployment that is under way would end after the undeployment
        self.settle(context, found.name, DeployModelOperationMetadata)
        endpoint = self.read_endpoint(found.name)
        self._check_own(endpoint)
        self._ensure_champion(context, endpoint, champion)
        return self._take_back(context, found.name, champion)

    def _check_not_promoted(self, champion: Model | None) -> None:
        version = str(self.model_version)
        if champion and same_version(version_name(champion), version):
            raise AirflowSkipException(f"{version} is the champion: it stays")
        if champion and self.champion_version and same_version(version_name(champion), self.champion_version):
            # the run is not an old one: it was to replace this very champion
            return
        for alias in (PREVIOUS_ALIAS, REPLACED_ALIAS):
            found = self.version(version, alias)
            if found and same_version(version_name(found), version):
                raise AirflowSkipException(f"{version} was the champion before: it stays to go back to")

    def _check_own(self, endpoint: Endpoint) -> None:
        found = find_deployed(endpoint, str(self.model_version))
        if found and self.deployed_model_id not in (None, found.id):
            raise AirflowSkipException(f"{describe_deployed(found)} was deployed by somebody else: it stays")

    def _ensure_champion(self, context: Context, endpoint: Endpoint, champion: Model | None) -> None:
        """Deploy the champion again if it is gone and there is something that it must take over."""
        failed = find_deployed(endpoint, str(self.model_version))
        serves = failed and (failed.id in live_split(endpoint) or not live_split(endpoint))
        if champion and serves and not find_deployed(endpoint, version_name(champion)):
            self.deploy(context, endpoint, version_name(champion), self._serving())

    def _serving(self) -> ServingSpec:
        """Read on what machines the failed model was to serve; the champion may come from no pipeline job."""
        failed: Any = find_version(self.models, str(self.model_version))
        job = read_pipeline_job(failed.version_description, self.gcp_conn_id, self.impersonation_chain)
        return part_of_job(ServingSpec, job)

    def _take_back(self, context: Context, name: str, champion: Model | None) -> dict[str, Any]:
        endpoint = self.read_endpoint(name)
        failed = find_deployed(endpoint, str(self.model_version))
        back = find_champion(endpoint, champion, str(self.model_version), failed.id if failed else "")
        if failed:
            self._drain(endpoint, failed, back)
            self.undeploy(context, name, failed.id)
            self.log.info("%s was undeployed", describe_deployed(failed))
        return {
            "champion_id": back.id if back else None,
            "champion": deployed_version(back) if back else None,
        }

    def _drain(self, endpoint: Endpoint, failed: DeployedModel, back: DeployedModel | None) -> None:
        """Shift the traffic of a model to the others."""
        serves = failed.id in live_split(endpoint)
        if serves and not back and "" in self.rejections and not any(self.rejections):
            raise AirflowSkipException(
                f"{describe_deployed(failed)} was verified, and no other version of the model can take over:"
                " it stays; clear the step that failed, or undeploy it on the endpoint's page"
            )
        if len(endpoint.deployed_models) > 1:
            self.change_split(endpoint.name, partial(_without, failed=failed, back=back))


def _without(endpoint: Endpoint, failed: DeployedModel, back: DeployedModel | None) -> dict[str, int]:
    """Return the split of an endpoint without a model, whose share goes back where it came from."""
    split = live_split(endpoint)
    share = split.pop(failed.id, 0) if split else 100
    if not share:
        return split
    if back:
        return split | {back.id: split.get(back.id, 0) + share}
    # models of others are all that is left: the one that serves most takes over
    most = max(split, key=lambda id_: split[id_], default=None)
    return {} if most is None else split | {most: split[most] + share}
