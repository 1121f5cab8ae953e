"""The endpoint with real models that the operators' tests have, too."""

from __future__ import annotations

from tests.plugins.operators.conftest import client, endpoint, models, pipeline_job, twin

__all__ = ["client", "endpoint", "models", "pipeline_job", "twin"]
