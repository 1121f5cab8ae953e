"""Links to Vertex AI in the Google Cloud console."""

from __future__ import annotations

from airflow.providers.google.cloud.links.vertex_ai import (
    VertexAIEndpointLink,
    VertexAIModelLink,
    VertexAIPipelineJobLink,
)

from vertex_mlops.links.console import ConsoleLink


class PipelineJobLink(ConsoleLink, VertexAIPipelineJobLink):
    """Helper class for constructing the link of a pipeline job."""


class EndpointLink(ConsoleLink, VertexAIEndpointLink):
    """Helper class for constructing the link of an endpoint."""


class ModelLink(ConsoleLink, VertexAIModelLink):
    """Helper class for constructing the link of a model."""
