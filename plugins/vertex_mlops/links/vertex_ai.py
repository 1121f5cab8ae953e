"""Links to Vertex AI in the Google Cloud console: names, keys and paths are those of the provider's links."""

from __future__ import annotations

from vertex_mlops.links.console import ConsoleLink


class PipelineJobLink(ConsoleLink):
    """Helper class for constructing the link of a pipeline job."""

    name = "Pipeline Job"
    key = "pipeline_job_conf"
    format_str = "/vertex-ai/locations/{region}/pipelines/runs/{pipeline_id}?project={project_id}"


class BatchPredictionJobLink(ConsoleLink):
    """Helper class for constructing the link of a batch prediction job."""

    name = "Batch Prediction Job"
    key = "batch_prediction_job_conf"
    format_str = (
        "/vertex-ai/locations/{region}/batch-predictions/{batch_prediction_job_id}?project={project_id}"
    )


class EndpointLink(ConsoleLink):
    """Helper class for constructing the link of an endpoint."""

    name = "Endpoint"
    key = "endpoint_conf"
    format_str = "/vertex-ai/locations/{region}/endpoints/{endpoint_id}?project={project_id}"


class ModelLink(ConsoleLink):
    """Helper class for constructing the link of a model."""

    name = "Vertex AI Model"
    key = "model_conf"
    format_str = (
        "/vertex-ai/models/locations/{region}/models/{model_id}/versions/default/properties"
        "?project={project_id}"
    )
