"""Localcloud's own command about monitoring, which Vertex AI does not have: analyse a window now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.clients.monitor import PATH
from localcloud.config import Settings
from localcloud.vertex.monitoring.records import Record, is_anomaly
from localcloud.vertex.monitoring.schedule import MonitoringSchedule
from localcloud.vertex.resources.names import canonical


class MonitoringCommand:
    """
    Serve the command to the command line.

    :param settings: know the project.
    :param schedule: runs windows.
    """

    def __init__(self, settings: Settings, schedule: MonitoringSchedule) -> None:
        self._settings = settings
        self._schedule = schedule

    def routes(self) -> list[web.RouteDef]:
        """Return the route, which is no route of Vertex AI's."""
        return [web.post(PATH + "/{job:.+}:run", self._run)]

    async def _run(self, request: web.Request) -> web.Response:
        try:
            name = canonical(request.match_info["job"], self._settings)
            records = await asyncio.to_thread(self._schedule.run_current, name)
        except exceptions.GoogleAPICallError as error:
            return web.json_response({"error": error.message}, status=int(error.code or 500))
        return web.json_response({"lines": list(lines_of(records))})


def lines_of(records: Iterable[Record]) -> Iterable[str]:
    """Return one line for each feature in a window."""
    for record in records:
        for feature in record.feature_stats:
            for window in feature.prediction_stats:
                yield _line(record, feature.feature_display_name, window)


def _line(record: Record, feature: str, window: v1.FeatureStatsAnomaly) -> str:
    objective: Any = record.objective
    mark = "  ANOMALY" if is_anomaly(window) else ""
    return (
        f"{record.deployed_model_id}  {objective.name:17}  {feature:24}"
        f"  {window.distribution_deviation:.4f} (threshold {window.anomaly_detection_threshold:g}){mark}"
    )
