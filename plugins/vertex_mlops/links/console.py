"""What all links to the Google Cloud console have in common."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from airflow.providers.google.cloud.links.base import BASE_LINK, BaseGoogleLink

if TYPE_CHECKING:
    from airflow.sdk import Context

# where the console is, if not at Google: localcloud serves pages at the same paths
CONSOLE_URL = "GOOGLE_CLOUD_CONSOLE_URL"


class ConsoleLink(BaseGoogleLink):
    """
    Base class of links that work while their task still runs, and lead to the console the worker is told of.

    Airflow shows what the XCom of a link holds. The provider's links keep arguments there, which become a URL
    only when the task ends or is deferred; these keep the URL itself. If what a link leads to was never made,
    there is none, and Airflow shows no button.
    """

    @classmethod
    def persist(cls, context: Context, **value: Any) -> None:
        """
        Push the URL to the XCom of the link.

        :param context: the task's context.
        :param value: what the format of the link needs besides the operator's ``extra_links_params``.
        """
        task: Any = context["task"]
        context["ti"].xcom_push(key=cls.key, value=cls.url(**task.extra_links_params | value))

    @classmethod
    def url(cls, **value: Any) -> str:
        """
        Give the URL itself.

        :param value: what the format of the link needs.
        """
        return cls()._format_link(**value)

    def _format_link(self, **kwargs: Any) -> str:
        url: str = super()._format_link(**kwargs)
        base = os.environ.get(CONSOLE_URL) or BASE_LINK
        return base.rstrip("/") + url.removeprefix(BASE_LINK) if url else ""
