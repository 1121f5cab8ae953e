"""Operators that manage the versions of a model in the Vertex AI Model Registry."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from vertex_mlops.contract.names import CHAMPION_ALIAS, DATA_VERSION_LABEL, PREVIOUS_ALIAS, REPLACED_ALIAS
from vertex_mlops.contract.retries import READ_RETRY_SECONDS, REQUEST_SECONDS, transient_retry
from vertex_mlops.contract.serving import ServingSpec
from vertex_mlops.exceptions import EndpointChangedError, NoPreviousModelError
from vertex_mlops.links.vertex_ai import ModelLink
from vertex_mlops.operators.rollout.base import EndpointBaseOperator, ModelRegistryBaseOperator
from vertex_mlops.rollout.deployed_models import (
    describe_split,
    find_deployed,
    find_version,
    live_split,
    same_version,
    shares_of_others,
    version_name,
)
from vertex_mlops.runs.compiled_pipeline import part_of_job, read_pipeline_job, served_names
from vertex_mlops.runs.pipeline_jobs import resource_id
from vertex_mlops.runs.pipeline_results import PipelineResult, read_result
from vertex_mlops.runs.results import result_entry, skip
from vertex_mlops.waiting.operations import OperationWait, begin_operation

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import Model

JOB_LABEL = "pipeline_job"
# of a version: when it became the champion for the last time, in milliseconds since the epoch
CHAMPION_SINCE_LABEL = "champion_since"
_MAX_LABEL_LENGTH = 63


class UploadModelVersionOperator(ModelRegistryBaseOperator):
    """
    Upload the model of a finished pipeline job as a new version, once.

    Differences from the provider's UploadModelOperator: the description of the version is the name of
    the pipeline job, so that a retry finds the version, or the upload that is still running, instead of
    creating a second one. The task waits for a slow upload without a worker slot.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/model-registry/versioning
        https://cloud.google.com/vertex-ai/docs/predictions/use-custom-container

    :param project_id: The ID of the Google Cloud project of the model (templated).
    :param region: The ID of the Google Cloud region of the model (templated).
    :param pipeline_result: Result of RunPipelineJobOnceOperator; its job has the name of the model and
        its container (templated).
    :param labels: Labels of the version, in addition to ``data_version``, ``git_revision``, ``blessed`` and
        ``pipeline_job`` (templated).
    :param poll_interval: Seconds between two polls of an upload.
    :param wait_timeout: Seconds to wait for it.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    :return: ``model_version``, the resource name of the version.
    :raises MissingResultError: an upstream task has left no result, or the pipeline job no model.
    :raises VertexOperationError: the upload failed.
    :raises VertexOperationTimeoutError: the upload takes too long.
    :raises SpecError: the pipeline job is gone, or contains no serving spec.
    """

    template_fields = (
        "region",
        "project_id",
        "pipeline_result",
        "labels",
        "impersonation_chain",
        "gcp_conn_id",
    )
    operator_extra_links = (ModelLink(),)

    def __init__(
        self,
        *,
        pipeline_result: PipelineResult,
        labels: Mapping[str, str] | None = None,
        poll_interval: float = 60,
        wait_timeout: float = 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline_result = pipeline_result
        self.labels = labels
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        from google.cloud.aiplatform_v1.types import UploadModelOperationMetadata

        job = read_pipeline_job(self.pipeline_result["name"], self.gcp_conn_id, self.impersonation_chain)
        serving = part_of_job(ServingSpec, job)
        parent = self.models.model_path(self.project_id, self.region, serving.name)
        version = self._find(parent)
        if version is None:
            wait = OperationWait(self.models, parent, UploadModelOperationMetadata)
            wait.settle(context, self.poll_interval, self.wait_timeout)
            # it may have ended between the two requests
            version = self._find(parent) or self._upload(context, serving, parent)
        ModelLink.persist(context=context, model_id=serving.name)
        self._label(version, serving)
        self.log.info("%s comes from %s", version, self.pipeline_result["name"])
        return {"model_version": version}

    def _find(self, parent: str) -> str | None:
        if find_version(self.models, parent) is None:
            return None
        pages = self.models.list_model_versions(
            name=parent, retry=transient_retry(READ_RETRY_SECONDS), timeout=REQUEST_SECONDS
        )
        job_id = resource_id(self.pipeline_result["name"])
        found = next((model for model in pages if resource_id(model.version_description) == job_id), None)
        return f"{parent}@{found.version_id}" if found else None

    def _upload(self, context: Context, serving: ServingSpec, parent: str) -> str:
        request: dict[str, Any] = {
            "parent": self.models.common_location_path(self.project_id, self.region),
            "model": {
                "display_name": serving.name,
                "artifact_uri": result_entry(self.pipeline_result, "model_uri"),
                "container_spec": serving.container_spec.model_dump(),
                "version_description": self.pipeline_result["name"],
            },
        }
        if find_version(self.models, parent):
            request["parent_model"] = parent
        else:
            request["model_id"] = serving.name
        self.log.info("Uploading %s", self.pipeline_result["model_uri"])
        begin = partial(self.models.upload_model, request=request, timeout=REQUEST_SECONDS)
        what = f"the upload to {parent}"
        uploaded = begin_operation(context, what, begin, self.poll_interval, self.wait_timeout)
        return f"{parent}@{uploaded.model_version_id}"

    def _label(self, version: str, serving: ServingSpec) -> None:
        # not with the upload: those of the first one would be the model's, and lie over those of all versions
        result = self.pipeline_result
        labels = {
            **(self.labels or {}),
            **({DATA_VERSION_LABEL: result["data_version"]} if result["data_version"] else {}),
            "git_revision": serving.git_revision,
            "blessed": str(result["blessed"]).lower(),
            JOB_LABEL: job_label(result["name"]),
        }
        self.add_labels(version, labels)


class PromoteModelVersionOperator(EndpointBaseOperator):
    """
    Move the alias ``champion`` to a version, and ``previous`` to the version that it replaces.

    No single call moves both. So the old champion first gets the alias ``replaced``, which the last call
    removes: a retry finds an interrupted promotion and completes it. The version must have all traffic that
    unrelated models leave, and the champion must not have changed since the version was compared with it.
    The label ``champion_since`` of the version is the time of the promotion, in milliseconds since the epoch.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/model-registry/model-alias

    :param project_id: The ID of the Google Cloud project of the model (templated).
    :param region: The ID of the Google Cloud region of the model (templated).
    :param model_version: Resource name of the version (templated).
    :param endpoint_name: Resource name of the endpoint that it serves at (templated).
    :param champion_version: Resource name of what must be the champion for the version to take over; empty if
        there must be none, None if it does not matter (templated).
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    :return: ``champion``, the resource name of the version, and the ``previous`` one; None if there is none.
    :raises ChampionChangedError: another version has become champion.
    :raises EndpointChangedError: the version no longer has the traffic.
    :raises google.api_core.exceptions.NotFound: there is no such version.
    """

    template_fields = (
        "region",
        "project_id",
        "model_version",
        "endpoint_name",
        "champion_version",
        "impersonation_chain",
        "gcp_conn_id",
    )
    # a pipeline need not tell what it has compared its model with
    optional_results = ("champion_version",)
    operator_extra_links = (ModelLink(),)

    def __init__(
        self, *, model_version: str, endpoint_name: str, champion_version: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.model_version = model_version
        self.endpoint_name = endpoint_name
        self.champion_version = champion_version

    def execute(self, context: Context) -> dict[str, Any]:
        ModelLink.persist(context=context, model_id=resource_id(self.model_version.partition("@")[0]))
        if not self.is_champion(self.model_version, self.champion_version):
            self._check_traffic()
            if champion := self.version(self.model_version, CHAMPION_ALIAS):
                self._merge(version_name(champion), [REPLACED_ALIAS])
            self._date()
            self._merge(self.model_version, [CHAMPION_ALIAS])
        replaced = self.version(self.model_version, REPLACED_ALIAS)
        if replaced and not same_version(version_name(replaced), self.model_version):
            self._merge(version_name(replaced), [PREVIOUS_ALIAS, f"-{REPLACED_ALIAS}"])
        previous = self.version(self.model_version, PREVIOUS_ALIAS)
        self.log.info("%s is the champion", self.model_version)
        return {
            "champion": self.model_version,
            "previous": version_name(previous) if previous else None,
        }

    def _check_traffic(self) -> None:
        endpoint = self.read_endpoint(self.endpoint_name)
        deployed = find_deployed(endpoint, self.model_version)
        split = live_split(endpoint)
        others = shares_of_others(endpoint, self.model_version)
        if deployed is None or split != {**others, deployed.id: 100 - sum(others.values())}:
            raise EndpointChangedError(
                f"traffic of {endpoint.name} is {describe_split(endpoint, split)}; expected all of it with"
                f" {self.model_version}: somebody else has changed the endpoint, and the champion stays;"
                " clear deploy and its downstream tasks to continue from there"
            )

    def _date(self) -> None:
        self.add_labels(self.model_version, {CHAMPION_SINCE_LABEL: str(int(time.time() * 1000))})

    def _merge(self, name: str, aliases: list[str]) -> None:
        # the hook refuses to remove an alias in the same call
        self.models.merge_version_aliases(
            name=name,
            version_aliases=aliases,
            retry=transient_retry(READ_RETRY_SECONDS),
            timeout=REQUEST_SECONDS,
        )


class GetPreviousModelVersionOperator(ModelRegistryBaseOperator):
    """
    Find the previous champion, and the pipeline job that created it.

    The model is that of the newest pipeline job whose model has a champion: a name that a later deployment
    has compiled into the pipeline does not count until a version is promoted under it.

    A manual run refers to the champion at the time of its trigger: if another version has become champion
    since then, by another run or a second click, the task is skipped.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/model-registry/model-alias

    :param project_id: The ID of the Google Cloud project of the model (templated).
    :param region: The ID of the Google Cloud region of the model (templated).
    :param pipeline_job_labels: Labels of the pipeline jobs that make the model's versions (templated).
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    :return: ``model_version``, its resource name; ``left``, that of the current champion;
        ``pipeline_result``, a :class:`vertex_mlops.runs.pipeline_results.PipelineResult`; and of this the
        ``pipeline_job`` and the ``training_examples``.
    :raises AirflowSkipException: another version has become champion since the run was triggered.
    :raises NoPreviousModelError: there is no champion, or no version has the alias ``previous``.
    :raises SpecError: the pipeline job of the previous version is gone.
    """

    template_fields = ("region", "pipeline_job_labels", "project_id", "impersonation_chain", "gcp_conn_id")
    operator_extra_links = (ModelLink(),)

    def __init__(self, *, pipeline_job_labels: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline_job_labels = pipeline_job_labels

    def execute(self, context: Context) -> dict[str, Any]:
        champion = self._champion()
        parent = champion.name.partition("@")[0]
        previous = self.previous(parent)
        if previous is None:
            raise NoPreviousModelError(
                f"no version of {parent} has the alias {PREVIOUS_ALIAS!r}: there is nothing to roll back to"
            )
        ModelLink.persist(context=context, model_id=resource_id(parent))
        self._check_meant(context, champion)
        self.log.info("From %s back to %s", version_name(champion), version_name(previous))
        result = self._result_of(previous)
        return {
            "model_version": version_name(previous),
            "left": version_name(champion),
            "pipeline_result": result,
            "pipeline_job": result["name"],
            "training_examples": result["training_examples"],
        }

    @staticmethod
    def _check_meant(context: Context, champion: Model) -> None:
        since = int(champion.labels.get(CHAMPION_SINCE_LABEL, "0")) / 1000
        triggered = context["dag_run"].run_after
        if since > triggered.timestamp():
            skip(
                context,
                f"{version_name(champion)} has become the champion after this run was triggered at"
                f" {triggered.isoformat(timespec='seconds')}: if it was this run, clear what has failed and"
                " its downstream tasks, not this task; if not, trigger again to go back from that one",
            )

    def _champion(self) -> Model:
        from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook

        hook = PipelineJobHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)
        names = served_names(
            hook, project_id=self.project_id, region=self.region, labels=self.pipeline_job_labels
        )
        tried = []
        for name in names:
            parent = self.models.model_path(self.project_id, self.region, name)
            if champion := self.version(parent, CHAMPION_ALIAS):
                return champion
            tried.append(parent)
        if tried:
            raise NoPreviousModelError(
                f"no version of {', '.join(tried)} has the alias {CHAMPION_ALIAS!r}:"
                " there is nothing to roll back to"
            )
        raise NoPreviousModelError(
            f"no pipeline job with the labels {dict(self.pipeline_job_labels)} contains a serving spec:"
            " there is nothing to roll back to"
        )

    def _result_of(self, model: Model) -> PipelineResult:
        job_id = resource_id(model.version_description)
        name = f"projects/{self.project_id}/locations/{self.region}/pipelineJobs/{job_id}"
        return read_result(read_pipeline_job(name, self.gcp_conn_id, self.impersonation_chain))


def job_label(job_name: str) -> str:
    """
    Return the value of the label that names the pipeline job of a version.

    :param job_name: resource name; its id ends with a digest, so that the end alone is its own.
    :return: the end of its id, 63 characters at most.
    """
    return resource_id(job_name)[-_MAX_LABEL_LENGTH:].lstrip("-")
