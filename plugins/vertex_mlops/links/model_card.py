"""Link to the card that a pipeline has made of its model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from vertex_mlops.links.console import CONSOLE_URL, ConsoleLink

if TYPE_CHECKING:
    from airflow.sdk import Context

_STORAGE = "storage.cloud.google.com"


class ModelCardLink(ConsoleLink):
    """
    Helper class for constructing the link of a model card.

    It leads to the card itself, for users who are signed in and may read the bucket; the console would only
    show the object's metadata. If the console is not Google's, the host is the first part of the path.

    .. seealso::
        https://cloud.google.com/storage/docs/access-control/cookie-based-authentication
    """

    name = "Model Card"
    key = "model_card_conf"
    format_str = "/{place}"

    @classmethod
    def persist(cls, context: Context, **value: Any) -> None:
        """
        Push the URL to the XCom of the link; nothing if there is no card.

        :param context: the task's context.
        :param value: ``uri`` of the card's page, ``gs://``, or None.
        """
        if value["uri"]:
            super().persist(context, place=quote(value["uri"].removeprefix("gs://")))

    def _format_link(self, **kwargs: Any) -> str:
        console = os.environ.get(CONSOLE_URL)
        base = f"{console.rstrip('/')}/{_STORAGE}" if console else f"https://{_STORAGE}"
        return base + self.format_str.format(**kwargs) if "place" in kwargs else ""
