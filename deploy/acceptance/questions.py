"""All probes, in the order in which they are asked: what takes long is begun first and looked at last."""

from __future__ import annotations

from deploy.acceptance import composer, metrics, monitoring, pipelines, registry, serving, tables

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
