"""How the tasks of a pipeline call Vertex AI."""

from __future__ import annotations

from google.api_core.retry import Retry

ANSWER_SECONDS = 60.0
"""How long one call may take."""
AGAIN = Retry(timeout=900.0)
"""An outage may last this long before a task is given up."""


def client_options(region: str) -> dict[str, str]:
    """
    Return what a client takes to reach a region.

    :param region: of Vertex AI.
    """
    return {"api_endpoint": f"{region}-aiplatform.googleapis.com"}
