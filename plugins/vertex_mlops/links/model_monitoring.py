"""Links to Vertex AI Model Monitoring in the Google Cloud console."""

from __future__ import annotations

from vertex_mlops.links.console import ConsoleLink

# the page that the Vertex AI SDK shows for such a job
MODEL_MONITORING_JOB_LINK = (
    "/agent-platform/locations/{region}/model-deployment-monitoring/{job_id}?project={project_id}"
)


class ModelMonitoringJobLink(ConsoleLink):
    """Helper class for constructing the link of an endpoint's monitoring job."""

    name = "Model Monitoring Job"
    key = "model_monitoring_job_conf"
    format_str = MODEL_MONITORING_JOB_LINK
