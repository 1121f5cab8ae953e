"""The Resource Manager's view of the one project: Google's clients ask it to translate project numbers."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from google.cloud.resourcemanager_v3.types import projects

from localcloud.config import Settings
from localcloud.errors import ApiError
from localcloud.vertex.api.calls import Handler
from localcloud.vertex.api.discovery import GET_PROJECT


class ProjectsService:
    """
    Serve Projects.GetProject: version 3 over gRPC and REST, version 1 over REST.

    Source: https://cloud.google.com/resource-manager/reference/rest/v3/projects/get

    :param settings: knows the project.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handler of version 3."""
        return {GET_PROJECT: self._get}

    def routes(self) -> list[web.RouteDef]:
        """Return the route of version 1."""
        return [web.get("/v1/projects/{project:[^/:]+}", self._get_v1)]

    def _get(self, request: projects.GetProjectRequest) -> projects.Project:
        return projects.Project(
            name=request.name,
            project_id=self._settings.project,
            display_name=self._settings.project,
            state=projects.Project.State.ACTIVE,
        )

    async def _get_v1(self, request: web.Request) -> web.Response:
        project = request.match_info["project"]
        if project not in (self._settings.project, self._settings.project_number):
            raise ApiError(403, "PERMISSION_DENIED", f"No permission for project {project}.", "forbidden")
        return web.json_response(
            {
                "projectNumber": self._settings.project_number,
                "projectId": self._settings.project,
                "name": self._settings.project,
                "lifecycleState": "ACTIVE",
            }
        )
