"""What a model was compiled with; before there is a champion, what the next one will be compiled with."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import GoogleAPICallError

from vertex_mlops.compiled_pipeline import read_compiled_pipeline, served_names
from vertex_mlops.contract import DataContract
from vertex_mlops.deployed_models import CHAMPION_ALIAS, find_version
from vertex_mlops.serving import ServingSpec

if TYPE_CHECKING:
    from vertex_mlops.page.sources import RetrainedModel


def read_served_name(model: RetrainedModel, **options: Any) -> str:
    """
    Give the name of the model and of its endpoint: of the one that serves, or that the next run will make.

    :param model: what to ask about.
    :param options: ``retry`` and ``timeout`` of each request.
    :raises SpecError: there is no champion, and no compiled pipeline either.
    """
    from airflow.providers.google.cloud.hooks.vertex_ai.model_service import ModelServiceHook
    from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook

    place = {"project_id": model.project_id, "region": model.region}
    jobs = PipelineJobHook(model.gcp_conn_id, impersonation_chain=model.impersonation_chain)
    hook = ModelServiceHook(model.gcp_conn_id, impersonation_chain=model.impersonation_chain)
    client = hook.get_model_service_client(model.region)
    # jobs that cannot be listed are a problem of the section that shows them
    with suppress(GoogleAPICallError):
        for name in served_names(jobs, **place, labels=model.labels, **options):
            path = client.model_path(model.project_id, model.region, name)
            if find_version(client, f"{path}@{CHAMPION_ALIAS}", **options):
                return name
    compiled = read_compiled_pipeline(model.template_path, model.gcp_conn_id, model.impersonation_chain)
    return ServingSpec.from_spec(compiled.text, compiled.uri).name


def read_contract(model: RetrainedModel, job_id: str | None, **options: Any) -> DataContract:
    """
    Read the data contract of the champion.

    :param model: what to ask about.
    :param job_id: id of the pipeline job that made the champion; None if there is none.
    :param options: ``retry`` and ``timeout`` of each request.
    :raises SpecError: the job carries no contract, or there is no compiled pipeline.
    """
    from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook

    if job_id is None:
        compiled = read_compiled_pipeline(model.template_path, model.gcp_conn_id, model.impersonation_chain)
        return DataContract.from_spec(compiled.text, compiled.uri)
    hook = PipelineJobHook(model.gcp_conn_id, impersonation_chain=model.impersonation_chain)
    job = hook.get_pipeline_job(
        project_id=model.project_id, region=model.region, pipeline_job_id=job_id, **options
    )
    return DataContract.from_job(job)
