"""What all links to the Google Cloud console have in common."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey

# where the console is, if not at Google: localcloud serves pages at the same paths
CONSOLE_URL = "GOOGLE_CLOUD_CONSOLE_URL"


class ConsoleLink(BaseOperatorLink):
    """
    Base class of links that work while their task still runs, and lead to the console the worker is told of.

    Airflow shows what the XCom of a link holds. The provider's links keep arguments there, which become a URL
    only when the task ends or is deferred; these keep the URL itself. If what a link leads to was never made,
    there is none, and Airflow shows no button. They do not derive from the provider's BaseGoogleLink: its
    module imports hooks and clients, which each parse of a DAG file would pay for.
    """

    name: ClassVar[str]
    key: ClassVar[str]
    format_str: ClassVar[str]

    @property
    def xcom_key(self) -> str:
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """
        Give the URL that the task has pushed; empty if it has pushed none.

        :param operator: the task.
        :param ti_key: its instance.
        """
        from airflow.providers.common.compat.sdk import XCom

        return XCom.get_value(key=self.key, ti_key=ti_key) or ""

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
        try:
            path = self.format_str.format(**kwargs)
        except KeyError:
            return ""
        return (os.environ.get(CONSOLE_URL) or _googles_console()).rstrip("/") + path


def _googles_console() -> str:
    from airflow.providers.google.cloud.links.base import BASE_LINK

    return str(BASE_LINK)
