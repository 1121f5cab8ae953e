"""The Resource Manager's view of the one project: Google's clients ask it to translate project numbers."""

from __future__ import annotations

from collections.abc import Mapping

from google.cloud.resourcemanager_v3.types import projects

from localcloud.config import Settings
from localcloud.vertex.api import Handler
from localcloud.vertex.discovery import GET_PROJECT


class ProjectsService:
    """
    Serve Projects.GetProject.

    Source: https://cloud.google.com/resource-manager/reference/rest/v3/projects/get

    :param settings: knows the project.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def handlers(self) -> Mapping[str, Handler]:
        """Give the handler of GetProject."""
        return {GET_PROJECT: self._get}

    def _get(self, request: projects.GetProjectRequest) -> projects.Project:
        return projects.Project(
            name=request.name,
            project_id=self._settings.project,
            display_name=self._settings.project,
            state=projects.Project.State.ACTIVE,
        )
