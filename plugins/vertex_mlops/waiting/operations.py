"""Long-running operations of Vertex AI, found again by what they work on when their answer was lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import NotFound

from vertex_mlops.contract.retries import READ_RETRY_SECONDS, REQUEST_SECONDS, is_transient, transient_retry
from vertex_mlops.exceptions import VertexOperationError, VertexOperationTimeoutError
from vertex_mlops.monitoring.service_agents import awaiting_service_agents
from vertex_mlops.waiting.reschedule import QUICK_SECONDS, first_execution, pauses, reschedule_or_fail

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import GenericOperationMetadata

log = logging.getLogger(__name__)


class OperationWait:
    """
    Wait for the operations on one resource, without a worker slot.

    :param client: GAPIC client of the service that the resource belongs to.
    :param resource: name of the resource.
    :param metadata: class of the metadata that the operations waited for carry.
    """

    def __init__(self, client: Any, resource: str, metadata: Any) -> None:
        self._client = client
        self._resource = resource
        self._metadata = metadata

    def settle(self, context: Context, poll_interval: float, wait_timeout: float) -> None:
        """
        Reschedule the task while an operation is under way, whoever started it.

        :param context: the task's context.
        :param poll_interval: seconds between two polls.
        :param wait_timeout: seconds after which to give up.
        :raises VertexOperationError: one that this try has begun has failed.
        :raises VertexOperationTimeoutError: it goes on for too long.
        """
        started = first_execution(context)
        for name, begun, operation in self._operations():
            if not operation.done:
                log.info("%s is under way", name)
                self.reschedule(context, name, poll_interval, wait_timeout)
            if started and begun >= started and operation.HasField("error"):
                raise VertexOperationError(f"{name} failed: {' '.join(operation.error.message.split())}")

    @staticmethod
    def reschedule(context: Context, name: str, poll_interval: float, wait_timeout: float) -> None:
        """
        Reschedule the task.

        :param context: the task's context.
        :param name: name of the operation.
        :param poll_interval: seconds until then.
        :param wait_timeout: seconds after which to give up.
        """
        problem = VertexOperationTimeoutError(f"{name} still runs after {wait_timeout:g} s")
        reschedule_or_fail(context, problem, poll_interval, wait_timeout)

    def _operations(self) -> list[tuple[str, datetime, Any]]:
        """Return name, start and message of each operation of the kind, newest first."""
        kind = self._metadata.pb().DESCRIPTOR.full_name
        try:
            found = [
                (operation.name, _begun(operation, self._metadata), operation)
                for operation in self._list()
                if operation.metadata.TypeName() == kind
            ]
        except NotFound:
            return []
        return sorted(found, key=lambda entry: entry[1], reverse=True)

    def _list(self) -> Iterator[Any]:
        """
        Yield every operation of the resource.

        A GAPIC client makes a pager for the lists of its own service, but not for that of the operations.

        Source: https://github.com/googleapis/googleapis/blob/master/google/longrunning/operations.proto
        """
        request = {"name": self._resource, "page_token": ""}
        while True:
            page = transient_retry(READ_RETRY_SECONDS)(self._client.list_operations)(
                request=request, timeout=REQUEST_SECONDS
            )
            yield from page.operations
            if not page.next_page_token:
                return
            request["page_token"] = page.next_page_token


def begin_operation(
    context: Context, what: str, begin: Callable[[], Any], poll_interval: float, wait_timeout: float
) -> Any:
    """
    Start an operation; reschedule the task if it is not quick, or if no answer comes.

    :param context: the task's context.
    :param what: name of the operation, for the log.
    :param begin: sends the request, and returns the operation.
    :param poll_interval: seconds until then.
    :param wait_timeout: seconds after which to give up.
    :return: the operation's response.
    :raises VertexOperationError: it failed.
    """
    log.info("Starting %s", what)
    try:
        with awaiting_service_agents(context):
            begun = begin()
        result = quick_result(begun)
    except Exception as error:
        if not is_transient(error):
            raise
        # it may have begun: the next look will tell
        log.warning("No answer: %s", error)
        result = None
    if result is None:
        OperationWait.reschedule(context, what, poll_interval, wait_timeout)
    return result


def quick_result(operation: Any) -> Any:
    """
    Wait a moment for an operation to end.

    :param operation: what a GAPIC client returned.
    :return: its response; None if it still runs.
    :raises VertexOperationError: it failed.
    """
    import time

    for pause in pauses(QUICK_SECONDS):
        if operation.done():
            break
        time.sleep(pause)
    if not operation.done():
        return None
    if error := operation.exception():
        raise VertexOperationError(f"{operation.operation.name} failed: {' '.join(str(error).split())}")
    return operation.result()


def _begun(operation: Any, metadata: Any) -> datetime:
    details = metadata.pb()()
    operation.metadata.Unpack(details)
    generic: GenericOperationMetadata = details.generic_metadata
    begun: datetime = generic.create_time.ToDatetime(tzinfo=UTC)
    return begun
