"""Compiled pipelines of a test's own, where the DAG of a wine reads them."""

from __future__ import annotations

import json
from typing import Any

from google.cloud import storage

from dev.settings import StackSettings


def upload_spec(settings: StackSettings, wine: str, spec: dict[str, Any]) -> None:
    """
    Put a compiled pipeline where the DAG of a wine reads it.

    :param settings: of the stack, whose bucket must be there.
    :param spec: the compiled pipeline.
    """
    bucket = storage.Client(project=settings.cloud.project).bucket(settings.bucket)
    blob = bucket.blob(f"specs/wine-{wine}.json")
    blob.upload_from_string(json.dumps(spec), content_type="application/json")
