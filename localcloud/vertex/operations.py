"""Long-running operations: work that goes on after the call has been answered."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from google.api_core import exceptions
from google.longrunning import operations_pb2  # type: ignore[import-untyped]
from google.protobuf import any_pb2, empty_pb2
from google.rpc import code_pb2  # type: ignore[import-untyped]

from localcloud.vertex.api import Handler, now, unimplemented
from localcloud.vertex.names import new_id
from localcloud.vertex.store import ResourceStore

log = logging.getLogger(__name__)

COLLECTION = "operations"
_POLL_SECONDS = 0.1
_STOP_SECONDS = 5.0
_MAX_WAIT_SECONDS = 60.0


class Cancellation:
    """Lets the work of an operation ask, where it can still turn back, whether it was cancelled."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def request(self) -> None:
        """Ask the work to turn back."""
        self._event.set()

    def check(self) -> None:
        """
        Go on unless cancelled.

        :raises google.api_core.exceptions.Cancelled: it was.
        """
        if self._event.is_set():
            raise exceptions.Cancelled("The operation was cancelled.")


Work = Callable[[Cancellation], Any]


class Operations:
    """
    Run work on threads of its own and keep how it ended.

    Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.operations

    :param store: keeps the operations.
    """

    def __init__(self, store: ResourceStore) -> None:
        self._store = store
        self._cancellations: dict[str, Cancellation] = {}
        self._threads: dict[str, threading.Thread] = {}

    def start(self, resource: str, metadata: type, work: Work) -> operations_pb2.Operation:
        """
        Answer with an operation that is not done, and finish it in the background.

        :param resource: name of the resource worked on; the operation's name starts with it.
        :param metadata: class of the metadata that the method documents, with a ``generic_metadata`` field.
        :param work: does it and returns the response message, or None for an empty response; what it
            raises becomes the operation's error.
        """
        operation = operations_pb2.Operation(name=f"{resource}/{COLLECTION}/{new_id()}")
        details = metadata()
        details.generic_metadata.create_time = details.generic_metadata.update_time = now()
        operation.metadata.CopyFrom(_packed(details))
        cancellation = self._cancellations[operation.name] = Cancellation()
        self._store.put(operation.name, operation)
        answer = operations_pb2.Operation.FromString(operation.SerializeToString())
        thread = threading.Thread(
            target=self._run, args=(operation, details, work, cancellation), name=operation.name, daemon=True
        )
        self._threads[operation.name] = thread
        thread.start()
        return answer

    def stop(self) -> None:
        """Ask all work to turn back, and give it a moment to record how it ended."""
        for cancellation in list(self._cancellations.values()):
            cancellation.request()
        for thread in list(self._threads.values()):
            thread.join(_STOP_SECONDS)

    def abort_interrupted(self) -> None:
        """End the operations that the last run of localcloud left open."""
        for operation in self._store.find(COLLECTION, operations_pb2.Operation):
            if not operation.done:
                operation.done = True
                operation.error.code = code_pb2.ABORTED
                operation.error.message = "localcloud was stopped while the operation ran."
                self._store.put(operation.name, operation)

    def handlers(self) -> Mapping[str, Handler]:
        """Give the handlers of google.longrunning.Operations."""
        service = "/google.longrunning.Operations"
        return {
            f"{service}/GetOperation": self._get,
            f"{service}/ListOperations": self._list,
            f"{service}/WaitOperation": self._wait,
            f"{service}/CancelOperation": self._cancel,
            f"{service}/DeleteOperation": self._delete,
        }

    def _run(
        self, operation: operations_pb2.Operation, details: Any, work: Work, cancellation: Cancellation
    ) -> None:
        try:
            response = work(cancellation)
            # not `or`: an empty proto-plus message is false
            operation.response.CopyFrom(_packed(empty_pb2.Empty() if response is None else response))
        except exceptions.GoogleAPICallError as error:
            status = error.grpc_status_code
            operation.error.code = status.value[0] if status else code_pb2.UNKNOWN
            operation.error.message = error.message
        except Exception as error:
            log.exception("%s failed", operation.name)
            operation.error.code = code_pb2.INTERNAL
            operation.error.message = f"localcloud failed: {type(error).__name__}: {error}"
        operation.done = True
        details.generic_metadata.update_time = now()
        operation.metadata.CopyFrom(_packed(details))
        self._store.put(operation.name, operation)
        self._cancellations.pop(operation.name, None)
        self._threads.pop(operation.name, None)

    def _get(self, request: operations_pb2.GetOperationRequest) -> operations_pb2.Operation:
        return self._store.get(request.name, operations_pb2.Operation)

    def _list(self, request: operations_pb2.ListOperationsRequest) -> operations_pb2.ListOperationsResponse:
        if request.filter or request.page_token:
            raise unimplemented("filter and page_token of google.longrunning.Operations.ListOperations")
        found = self._store.find(COLLECTION, operations_pb2.Operation)
        return operations_pb2.ListOperationsResponse(
            operations=[operation for operation in found if operation.name.startswith(f"{request.name}/")]
        )

    def _wait(self, request: operations_pb2.WaitOperationRequest) -> operations_pb2.Operation:
        asked = request.timeout.ToTimedelta().total_seconds() or _MAX_WAIT_SECONDS
        end = time.monotonic() + min(asked, _MAX_WAIT_SECONDS)
        operation = self._store.get(request.name, operations_pb2.Operation)
        while not operation.done and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
            operation = self._store.get(request.name, operations_pb2.Operation)
        return operation

    def _cancel(self, request: operations_pb2.CancelOperationRequest) -> empty_pb2.Empty:
        self._store.get(request.name, operations_pb2.Operation)
        cancellation = self._cancellations.get(request.name)
        if cancellation:
            cancellation.request()
        return empty_pb2.Empty()

    def _delete(self, request: operations_pb2.DeleteOperationRequest) -> empty_pb2.Empty:
        self._store.delete(request.name)
        return empty_pb2.Empty()


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(type(message).pb(message) if hasattr(type(message), "pb") else message)
    return packed
