"""Compiled pipelines of a test's own, for new runs of a wine's DAG."""

from __future__ import annotations

import json
from typing import Any

from google.cloud import storage

from deploy.composer.specs import publish
from dev.stack.settings import StackSettings


def upload_spec(settings: StackSettings, wine: str, spec: dict[str, Any]) -> None:
    """
    Upload a compiled pipeline for new runs of a wine's DAG.

    :param settings: of the stack, whose bucket must be there.
    :param spec: the compiled pipeline.
    """
    bucket = storage.Client(project=settings.cloud.project).bucket(settings.bucket)
    publish(bucket, wine, json.dumps(spec).encode())
