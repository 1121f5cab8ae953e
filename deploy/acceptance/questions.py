"""All probes in order: those that take long are started first and checked last."""

from __future__ import annotations

from deploy.acceptance.services import composer, metrics, monitoring, pipelines, registry, serving, tables

PROBES = (
    *pipelines.SUBMISSIONS,
    *registry.PROBES,
    *serving.ENDPOINTS,
    *tables.PROBES,
    *composer.PROBES,
    *pipelines.RESULTS,
    *serving.ANSWERS,
    *monitoring.PROBES,
    *metrics.PROBES,
    *monitoring.LAST,
)
