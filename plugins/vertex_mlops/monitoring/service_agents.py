"""What Vertex AI says at the first use of a project, while it makes the accounts that it acts as."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from google.api_core.exceptions import BadRequest

from vertex_mlops.exceptions import ServiceAgentsMissingError
from vertex_mlops.waiting import look_again

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

# the error has no reason or detail that would tell it from any other of its code
_WORDS = "Service agents are being provisioned"
# "try again in a few minutes"
_BREAK_SECONDS = 60.0
_WAIT_SECONDS = 1800.0


@contextmanager
def awaiting_service_agents(context: Context) -> Iterator[None]:
    """
    Come back later, without a worker slot meanwhile, if a call inside is refused for want of service agents.

    Source: the message as Vertex AI gives it with 400 FAILED_PRECONDITION, in
    https://github.com/GoogleCloudPlatform/generative-ai/issues/1308

    :param context: the task's context.
    :raises ServiceAgentsMissingError: there are none after half an hour.
    """
    try:
        yield
    # over REST a failed precondition is any bad request
    except BadRequest as error:
        if _WORDS not in error.message:
            raise
        log.warning(
            "Vertex AI has no service agents yet, as at the first use of a project: %s", error.message
        )
        problem = ServiceAgentsMissingError(
            f"Vertex AI has no service agents after {_WAIT_SECONDS:g} s; make deploy-setup creates them, or"
            " gcloud beta services identity create --service=aiplatform.googleapis.com"
        )
        look_again(context, problem, _BREAK_SECONDS, _WAIT_SECONDS)
