"""Errors of Vertex AI at the first use of a project, while it creates its service agents."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from google.api_core.exceptions import BadRequest

from vertex_mlops.contract.retries import lacks_service_agents
from vertex_mlops.exceptions import ServiceAgentsMissingError
from vertex_mlops.waiting.reschedule import reschedule_or_fail

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

# "try again in a few minutes"
_BREAK_SECONDS = 60.0
_WAIT_SECONDS = 1800.0


@contextmanager
def awaiting_service_agents(context: Context) -> Iterator[None]:
    """
    Reschedule the task if a call inside is refused because the service agents are missing.

    :param context: the task's context.
    :raises ServiceAgentsMissingError: there are none after half an hour.
    """
    try:
        yield
    except BadRequest as error:
        if not lacks_service_agents(error):
            raise
        log.warning(
            "Vertex AI has no service agents yet, as at the first use of a project: %s", error.message
        )
        problem = ServiceAgentsMissingError(
            f"Vertex AI has no service agents after {_WAIT_SECONDS:g} s; make deploy-setup creates them, or"
            " gcloud beta services identity create --service=aiplatform.googleapis.com"
        )
        reschedule_or_fail(context, problem, _BREAK_SECONDS, _WAIT_SECONDS)
