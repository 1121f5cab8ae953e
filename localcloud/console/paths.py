"""Where each page is: the paths of Google's console, as the Airflow provider and the SDK link to them."""

from __future__ import annotations

from urllib.parse import quote, urlencode

# the console has moved from one name to the other; clients link to both
_AI = "/{console:vertex-ai|agent-platform}"
_AT = _AI + "/locations/{region}"

PIPELINE_JOBS = _AI + "/pipelines/runs"
PIPELINE_JOB = _AT + "/pipelines/runs/{id}"
# the console shows logs on a page of another service
TASK_LOG = PIPELINE_JOB + "/tasks/{task}/log"
ENDPOINTS = _AI + "/endpoints"
ENDPOINT = _AT + "/endpoints/{id}"
MODELS = _AI + "/models"
MODEL = _AI + "/models/locations/{region}/models/{id}/versions/{version}/properties"
MONITORING_JOBS = _AI + "/model-monitoring"
MONITORING_JOB = _AT + "/model-deployment-monitoring/{id}"
BIGQUERY = "/bigquery"

LISTS = {
    "Pipeline jobs": "/vertex-ai/pipelines/runs",
    "Endpoints": "/vertex-ai/endpoints",
    "Models": "/vertex-ai/models",
    "Monitoring jobs": "/vertex-ai/model-monitoring",
    "BigQuery tables": "/bigquery",
}

_PAGES = {
    "pipelineJobs": "/vertex-ai/locations/{region}/pipelines/runs/{id}",
    "endpoints": "/vertex-ai/locations/{region}/endpoints/{id}",
    "models": "/vertex-ai/models/locations/{region}/models/{id}/versions/{version}/properties",
    "modelDeploymentMonitoringJobs": "/agent-platform/locations/{region}/model-deployment-monitoring/{id}",
}


def page_of(name: str, version: str = "default") -> str:
    """
    Give the path of a Vertex resource's page.

    :param name: its resource name, ``projects/NUMBER/locations/REGION/COLLECTION/ID``.
    :param version: of a model.
    """
    _, _, _, region, collection, id_ = name.split("/")
    return _PAGES[collection].format(region=quote(region), id=quote(id_), version=quote(version))


def log_of(name: str, task: str) -> str:
    """
    Give the path of a task's whole log.

    :param name: resource name of its pipeline job.
    :param task: name of the task.
    """
    return f"{page_of(name)}/tasks/{quote(task, safe='')}/log"


def table_page(project: str, dataset: str, table: str) -> str:
    """
    Give the path of a BigQuery table's page.

    :param project: id of its project.
    :param dataset: id of its data set.
    :param table: its id.
    """
    query = {"project": project, "d": dataset, "p": project, "page": "table", "t": table}
    return f"{BIGQUERY}?{urlencode(query)}"
