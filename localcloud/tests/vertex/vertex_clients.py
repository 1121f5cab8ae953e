"""Google's clients of Vertex AI, and a small model for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.cloud import aiplatform_v1 as v1

REGION = "europe-west1"
API = {"api_endpoint": f"{REGION}-aiplatform.googleapis.com"}
BUCKET = "vertex-tests"
IMAGE = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"


@dataclass(frozen=True)
class Clients:
    """The generated clients over gRPC."""

    endpoints: v1.EndpointServiceClient
    models: v1.ModelServiceClient
    jobs: v1.JobServiceClient
    predictions: v1.PredictionServiceClient


@dataclass(frozen=True)
class Wine:
    """A model that gives a wine of 13.8 % alcohol the grade 6.9."""

    uri: str
    folder: Path
    example: str


def dedicated(**fields: Any) -> dict[str, Any]:
    """Create the resources of a deployed model."""
    return {"machine_spec": {"machine_type": "n1-standard-2"}, "min_replica_count": 1, **fields}
