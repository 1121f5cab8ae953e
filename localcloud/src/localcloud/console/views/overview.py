"""The start page: the newest resources of each kind."""

from __future__ import annotations

from typing import Any

from localcloud.console.pages import Asked, Page, Sources

_SHOWN = 10


def overview(sources: Sources, asked: Asked) -> Page:
    """Show the newest resources of each kind."""
    found: dict[str, list[Any]] = {
        "pipeline_jobs": sources.vertex.pipeline_jobs(),
        "endpoints": sources.vertex.endpoints(),
        "models": sources.vertex.models(),
        "batch_prediction_jobs": sources.vertex.batch_prediction_jobs(),
        "monitoring_jobs": sources.vertex.monitoring_jobs(),
        "tables": sources.bigquery.tables(),
    }
    newest = {kind: resources[:_SHOWN] for kind, resources in found.items()}
    counts = {kind: len(resources) for kind, resources in found.items()}
    return Page("overview.html", {**newest, "counts": counts, "shown": _SHOWN})
