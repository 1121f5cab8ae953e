"""The paths of the pages: those of Google's console, as the Airflow provider and the SDK link to them."""

from __future__ import annotations

from urllib.parse import quote, urlencode

PIPELINE_JOBS = "/vertex-ai/pipelines/runs"
PIPELINE_JOB = "/vertex-ai/locations/{region}/pipelines/runs/{id}"
# Google's console shows logs on a page of another service
TASK_LOG = PIPELINE_JOB + "/tasks/{task}/log"
ENDPOINTS = "/vertex-ai/endpoints"
ENDPOINT = "/vertex-ai/locations/{region}/endpoints/{id}"
MODELS = "/vertex-ai/models"
MODEL = "/vertex-ai/models/locations/{region}/models/{id}/versions/{version}/properties"
BATCH_PREDICTION_JOBS = "/vertex-ai/batch-predictions"
BATCH_PREDICTION_JOB = "/vertex-ai/locations/{region}/batch-predictions/{id}"
MONITORING_JOBS = "/vertex-ai/model-monitoring"
MONITORING_JOB = "/vertex-ai/locations/{region}/model-deployment-monitoring/{id}"
BIGQUERY = "/bigquery"
# where a signed-in browser reads an object; Google uses a separate host for it
OBJECT = "/storage.cloud.google.com/{bucket}/{name}"

LISTS = {
    "Pipeline jobs": PIPELINE_JOBS,
    "Endpoints": ENDPOINTS,
    "Models": MODELS,
    "Batch prediction jobs": BATCH_PREDICTION_JOBS,
    "Monitoring jobs": MONITORING_JOBS,
    "BigQuery tables": BIGQUERY,
}

_PAGES = {
    "pipelineJobs": PIPELINE_JOB,
    "endpoints": ENDPOINT,
    "models": MODEL,
    "batchPredictionJobs": BATCH_PREDICTION_JOB,
    "modelDeploymentMonitoringJobs": MONITORING_JOB,
}


def route(path: str) -> str:
    """
    Return what a request for a page may look like.

    :param path: one of the paths of this module.
    """
    # clients link to the old or the new name of Vertex AI
    return path.replace("/vertex-ai", "/{product:vertex-ai|agent-platform}")


def page_of(name: str, version: str = "default") -> str:
    """
    Return the path of a Vertex resource's page.

    :param name: its resource name, ``projects/NUMBER/locations/REGION/COLLECTION/ID``.
    :param version: of a model.
    """
    _, _, _, region, collection, id_ = name.split("/")
    return _PAGES[collection].format(region=quote(region), id=quote(id_), version=quote(version))


def log_of(name: str, task: str) -> str:
    """
    Return the path of a task's whole log.

    :param name: resource name of its pipeline job.
    :param task: name of the task.
    """
    _, _, _, region, _, id_ = name.split("/")
    return TASK_LOG.format(region=quote(region), id=quote(id_), task=quote(task, safe=""))


def table_page(project: str, dataset: str, table: str) -> str:
    """
    Return the path of a BigQuery table's page.

    :param project: id of its project.
    :param dataset: id of its data set.
    :param table: its id.
    """
    query = {"project": project, "d": dataset, "p": project, "page": "table", "t": table}
    return f"{BIGQUERY}?{urlencode(query)}"
