"""Base of the links to the Google Cloud console."""

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
    Base class of links that work while their task is running, and use the console URL of the worker.

    Airflow shows the content of a link's XCom. The provider's links store arguments there, which become a URL
    only when the task ends or is deferred; these store the URL itself. If the target was never created,
    there is no XCom, and Airflow shows no button. They do not derive from the provider's BaseGoogleLink: its
    module imports hooks and clients, which would slow down each parse of a DAG file.
    """

    name: ClassVar[str]
    key: ClassVar[str]
    format_str: ClassVar[str]

    @property
    def xcom_key(self) -> str:
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """
        Return the URL that the task has pushed.

        :param operator: the task.
        :param ti_key: key of the task instance.
        :return: the URL; empty if the task has pushed none.
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
        Build the URL.

        :param value: what the format of the link needs.
        :return: the URL; empty if a value is missing.
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
