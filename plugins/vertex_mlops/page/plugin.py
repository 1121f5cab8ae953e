"""The Airflow plugin that adds the page of the models to the menu."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from airflow.plugins_manager import AirflowPlugin

_PREFIX = "/models-in-service"


class _Page:
    """Load the page with the first request for it: every process of Airflow imports this module."""

    _app: Callable[..., Awaitable[None]] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from vertex_mlops.page.app import create_app

            self._app = create_app()
        await self._app(scope, receive, send)


class ModelsPagePlugin(AirflowPlugin):
    """Page that shows which model serves, whether it is fresh, and whether it is drifting."""

    name = "models_in_service"
    fastapi_apps = [{"app": _Page(), "url_prefix": _PREFIX, "name": "Models in service"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Models",
            # relative, and so below whatever path Airflow is served at; the slash spares a redirect
            "href": f"{_PREFIX.removeprefix('/')}/",
            "url_route": "models",
            "destination": "nav",
            "nav_top_level": True,
        }
    ]
