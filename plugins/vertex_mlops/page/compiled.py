"""The compiled settings of a model: the champion's, or without one the next model's."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import GoogleAPICallError

from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.contract.names import CHAMPION_ALIAS
from vertex_mlops.contract.serving import ServingSpec
from vertex_mlops.rollout.deployed_models import find_version
from vertex_mlops.runs.compiled_pipeline import (
    part_of_file,
    part_of_job,
    read_compiled_pipeline,
    served_names,
)

if TYPE_CHECKING:
    from vertex_mlops.page.sources import RetrainedModel


def read_served_name(model: RetrainedModel, **options: Any) -> str:
    """
    Return the name of the model and its endpoint: the champion's, or the one that the next run creates.

    :param model: the model to read.
    :param options: ``retry`` and ``timeout`` of each request.
    :raises SpecError: there is neither a champion nor a compiled pipeline.
    """
    from airflow.providers.google.cloud.hooks.vertex_ai.model_service import ModelServiceHook
    from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook

    place = {"project_id": model.project_id, "region": model.region}
    jobs = PipelineJobHook(model.gcp_conn_id, impersonation_chain=model.impersonation_chain)
    hook = ModelServiceHook(model.gcp_conn_id, impersonation_chain=model.impersonation_chain)
    client = hook.get_model_service_client(model.region)
    # the section of the pipeline jobs reports that they cannot be listed
    with suppress(GoogleAPICallError):
        for name in served_names(jobs, **place, labels=model.labels, **options):
            path = client.model_path(model.project_id, model.region, name)
            if find_version(client, f"{path}@{CHAMPION_ALIAS}", **options):
                return name
    compiled = read_compiled_pipeline(model.template_path, model.gcp_conn_id, model.impersonation_chain)
    return part_of_file(ServingSpec, compiled.text, compiled.uri).name


def read_contract(model: RetrainedModel, job_id: str | None, **options: Any) -> DataContract:
    """
    Read the data contract of the champion.

    :param model: the model to read.
    :param job_id: id of the pipeline job that created the champion; None if there is none.
    :param options: ``retry`` and ``timeout`` of each request.
    :raises SpecError: the job contains no contract, or there is no compiled pipeline.
    """
    from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook

    if job_id is None:
        compiled = read_compiled_pipeline(model.template_path, model.gcp_conn_id, model.impersonation_chain)
        return part_of_file(DataContract, compiled.text, compiled.uri)
    hook = PipelineJobHook(model.gcp_conn_id, impersonation_chain=model.impersonation_chain)
    job = hook.get_pipeline_job(
        project_id=model.project_id, region=model.region, pipeline_job_id=job_id, **options
    )
    return part_of_job(DataContract, job)
