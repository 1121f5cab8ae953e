"""Paths of the pages, as in Google's console; test_links.py compares them with Airflow's links."""

from __future__ import annotations

TABLE = "/bigquery?referrer=search&project={project_id}&d={dataset_id}&p={project_id}&page=table&t={table_id}"
DATASET = "/bigquery?referrer=search&project={project_id}&d={dataset_id}&p={project_id}&page=dataset"
QUERY_JOB = "/bigquery?project={project_id}&ws=!1m5!1m4!1m3!1s{project_id}!2s{job_id}!3s{location}"
PIPELINE_JOB = "/vertex-ai/locations/{region}/pipelines/runs/{pipeline_id}?project={project_id}"
BATCH_PREDICTION_JOB = (
    "/vertex-ai/locations/{region}/batch-predictions/{batch_prediction_job_id}?project={project_id}"
)
ENDPOINT = "/vertex-ai/locations/{region}/endpoints/{endpoint_id}?project={project_id}"
MODEL = (
    "/vertex-ai/models/locations/{region}/models/{model_id}/versions/default/properties?project={project_id}"
)
MONITORING_JOB = (
    "/agent-platform/locations/{region}/model-deployment-monitoring/{job_id}?project={project_id}"
)


def of(link: str, name: str) -> str:
    """
    Return the path of the page of one resource of Vertex AI.

    :param link: one of the formats above, which names the resource by one id.
    :param name: ``projects/PROJECT/locations/REGION/COLLECTION/ID``.
    """
    _, project, _, region, _, id_ = name.split("/")
    ids = dict.fromkeys(("pipeline_id", "batch_prediction_job_id", "endpoint_id", "model_id", "job_id"), id_)
    return link.format(project_id=project, region=region, **ids)
