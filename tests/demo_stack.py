"""A stack with data and a compiled pipeline, for the suites that run the whole job."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from google.cloud import storage

from dev.demo import WINE, Demo
from dev.publish import publish_pipeline
from dev.settings import StackSettings
from dev.wine_data import load_wine


@contextmanager
def running_demo(settings: StackSettings) -> Iterator[Demo]:
    """
    Start the stack, load the white wines, publish the pipeline; stop every process at the end.

    :param settings: of the stack, whose environment this process has meanwhile.
    """
    outside = dict(os.environ)
    settings.activate()
    demo = Demo(settings)
    try:
        demo.stack.start()
        load_wine(settings, WINE)
        publish_pipeline(settings, demo.progress, WINE)
        yield demo
    finally:
        demo.stack.stop()
        os.environ.clear()
        os.environ.update(outside)


def upload_spec(settings: StackSettings, wine: str, spec: dict[str, Any]) -> None:
    """Put a compiled pipeline where the DAG of a wine reads it."""
    bucket = storage.Client(project=settings.cloud.project).bucket(settings.bucket)
    blob = bucket.blob(f"specs/wine-{wine}.json")
    blob.upload_from_string(json.dumps(spec), content_type="application/json")
