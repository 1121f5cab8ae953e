"""How the tasks of a pipeline call Vertex AI."""

from __future__ import annotations

from vertex_mlops.contract.retries import transient_retry

ANSWER_SECONDS = 60.0
"""How long one call may take."""
AGAIN = transient_retry(900.0)
"""An outage may last this long before a task is given up."""


def client_options(region: str) -> dict[str, str]:
    """
    Return what a client takes to reach a region.

    :param region: of Vertex AI.
    """
    return {"api_endpoint": f"{region}-aiplatform.googleapis.com"}
