"""Links to Vertex AI Model Monitoring in the Google Cloud console."""

from __future__ import annotations

from airflow.providers.google.cloud.links.base import BaseGoogleLink

MODEL_MONITORING_JOB_LINK = (
    "/vertex-ai/locations/{region}/endpoints/{endpoint_id}"
    "/model-deployment-monitoring-jobs/{job_id}?project={project_id}"
)


class ModelMonitoringJobLink(BaseGoogleLink):
    """Helper class for constructing the link of an endpoint's monitoring job."""

    name = "Model Monitoring Job"
    key = "model_monitoring_job_conf"
    format_str = MODEL_MONITORING_JOB_LINK
