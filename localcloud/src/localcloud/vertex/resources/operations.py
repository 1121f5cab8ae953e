"""Long-running operations: work that continues after the call has returned, and after a restart."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from google.api_core import exceptions
from google.longrunning import operations_pb2  # type: ignore[import-untyped]
from google.protobuf import any_pb2, empty_pb2
from google.rpc import code_pb2, status_pb2  # type: ignore[import-untyped]

from localcloud.vertex.api.calls import Handler, now
from localcloud.vertex.resources.filters import Queryable
from localcloud.vertex.resources.names import id_of, new_id
from localcloud.vertex.resources.query import select_for
from localcloud.vertex.resources.store import ResourceStore

log = logging.getLogger(__name__)

COLLECTION = "operations"
# a client must see an operation that is not done, as in the cloud
_SECONDS = 0.2
_POLL_SECONDS = 0.1
_STOP_SECONDS = 5.0
_MAX_WAIT_SECONDS = 60.0
# the cloud's default is not documented; a small one would hide new operations on a second page
_PAGE = 10
_OPERATIONS = Queryable(
    operations_pb2.Operation, ("done",), computed={"operation_id": lambda operation: id_of(operation.name)}
)


class Cancellation:
    """Lets the work of an operation check, while it can still be undone, whether it was cancelled."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def request(self) -> None:
        """Request a cancellation."""
        self._event.set()

    def check(self) -> None:
        """
        Raise an error if the operation was cancelled.

        :raises google.api_core.exceptions.Cancelled: it was.
        """
        self.wait(0)

    def wait(self, seconds: float) -> None:
        """
        Wait.

        :param seconds: how much.
        :raises google.api_core.exceptions.Cancelled: the operation is cancelled meanwhile.
        """
        if self._event.wait(seconds):
            raise exceptions.Cancelled("The operation was cancelled.")


Prepare = Callable[[Any, Cancellation], None]


def _take_time(request: Any, cancellation: Cancellation) -> None:
    cancellation.wait(_SECONDS)


class Kind(NamedTuple):
    """
    How the operations of one method are carried out.

    :param request: class of the request message, proto-plus.
    :param metadata: class of the metadata that the method documents, with a ``generic_metadata`` field.
    :param commit: takes the request, makes the change, and gives the response message, or None for an empty
        one; what it writes and the end of the operation are written together or not at all.
    :param prepare: what takes time before that; it writes nothing, for it is done again after a restart.
    :param undo: takes back what ``prepare`` did when the operation fails.
    """

    request: Any
    metadata: Any
    commit: Callable[[Any], Any]
    prepare: Prepare = _take_time
    undo: Callable[[Any], None] = lambda request: None


class Operations:
    """
    Run work on threads of its own and keep how it ended; what a stop interrupts, the next start resumes.

    What ``prepare`` or ``commit`` raises becomes the operation's error.

    Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.operations

    :param store: keeps the operations and the requests of those that are not done.
    """

    def __init__(self, store: ResourceStore) -> None:
        self._store = store
        self._kinds: dict[str, Kind] = {}
        self._cancellations: dict[str, Cancellation] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._stopping = threading.Event()

    def serve(self, *kinds: Kind) -> None:
        """
        Register how operations are carried out.

        :param kinds: one for each class of request.
        """
        self._kinds.update({kind.request.pb().DESCRIPTOR.full_name: kind for kind in kinds})

    def start(self, resource: str, request: Any) -> operations_pb2.Operation:
        """
        Return an operation that is not done, and finish it in the background.

        :param resource: name of the resource worked on; the operation's name starts with it.
        :param request: message of a class that is served; all that is needed to finish it later.
        """
        packed = _packed(request)
        operation = operations_pb2.Operation(name=f"{resource}/{COLLECTION}/{new_id()}")
        details = self._kinds[packed.TypeName()].metadata()
        details.generic_metadata.create_time = details.generic_metadata.update_time = now()
        operation.metadata.CopyFrom(_packed(details))
        with self._store.transaction():
            self._store.put(operation.name, operation)
            self._store.put(_request_key(operation), packed)
        answer = operations_pb2.Operation.FromString(operation.SerializeToString())
        self._launch(operation, packed)
        return answer

    def resume(self) -> None:
        """Resume the operations that the last stop interrupted."""
        self._stopping.clear()
        for operation in self._store.find(COLLECTION, operations_pb2.Operation):
            if operation.done:
                continue
            key = _request_key(operation)
            packed = self._store.get(key, any_pb2.Any) if self._store.exists(key) else any_pb2.Any()
            if packed.TypeName() in self._kinds:
                self._launch(operation, packed)
            else:
                # kept by another version of localcloud
                message = "localcloud was stopped while the operation ran."
                self._end(operation, error=status_pb2.Status(code=code_pb2.ABORTED, message=message))

    def abandon(self) -> None:
        """Interrupt all work without waiting; :meth:`resume` continues it."""
        self._stopping.set()
        for cancellation in list(self._cancellations.values()):
            cancellation.request()

    def stop(self) -> None:
        """Interrupt all work, and wait a moment until it has ended."""
        self.abandon()
        for thread in list(self._threads.values()):
            thread.join(_STOP_SECONDS)

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers of google.longrunning.Operations."""
        service = "/google.longrunning.Operations"
        return {
            f"{service}/GetOperation": self._get,
            f"{service}/ListOperations": self._list,
            f"{service}/WaitOperation": self._wait,
            f"{service}/CancelOperation": self._cancel,
            f"{service}/DeleteOperation": self._delete,
        }

    def _launch(self, operation: operations_pb2.Operation, packed: any_pb2.Any) -> None:
        kind = self._kinds[packed.TypeName()]
        request = kind.request.deserialize(packed.value)
        cancellation = self._cancellations[operation.name] = Cancellation()
        thread = threading.Thread(
            target=self._run, args=(operation, kind, request, cancellation), name=operation.name, daemon=True
        )
        self._threads[operation.name] = thread
        thread.start()

    def _run(
        self, operation: operations_pb2.Operation, kind: Kind, request: Any, cancellation: Cancellation
    ) -> None:
        try:
            kind.prepare(request, cancellation)
            cancellation.check()
            with self._store.transaction():
                self._end(operation, response=kind.commit(request))
        except Exception as error:
            kind.undo(request)
            if not self._stopping.is_set():
                self._end(operation, error=_status(operation, error))
        self._cancellations.pop(operation.name, None)
        self._threads.pop(operation.name, None)

    def _end(
        self,
        operation: operations_pb2.Operation,
        *,
        response: Any = None,
        error: status_pb2.Status | None = None,
    ) -> None:
        """Record the end, in the metadata too."""
        if error is not None:
            operation.error.CopyFrom(error)
        else:
            # not `or`: an empty proto-plus message is false
            operation.response.CopyFrom(_packed(empty_pb2.Empty() if response is None else response))
        operation.done = True
        for kind in self._kinds.values():
            details = kind.metadata.pb()()
            if operation.metadata.Unpack(details):
                details.generic_metadata.update_time.FromDatetime(now())
                operation.metadata.Pack(details)
                break
        with self._store.transaction():
            self._store.put(operation.name, operation)
            if self._store.exists(_request_key(operation)):
                self._store.delete(_request_key(operation))

    def _get(self, request: operations_pb2.GetOperationRequest) -> operations_pb2.Operation:
        return self._store.get(request.name, operations_pb2.Operation)

    def _list(self, request: operations_pb2.ListOperationsRequest) -> operations_pb2.ListOperationsResponse:
        found = self._store.find(COLLECTION, operations_pb2.Operation)
        below = [operation for operation in found if operation.name.startswith(f"{request.name}/")]
        request.page_size = request.page_size or _PAGE
        page = select_for(request, below, _OPERATIONS)
        return operations_pb2.ListOperationsResponse(
            operations=page.items, next_page_token=page.next_page_token
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


def _request_key(operation: operations_pb2.Operation) -> str:
    return f"{operation.name}/request"


def _status(operation: operations_pb2.Operation, error: Exception) -> status_pb2.Status:
    if isinstance(error, exceptions.GoogleAPICallError):
        code = error.grpc_status_code.value[0] if error.grpc_status_code else code_pb2.UNKNOWN
        return status_pb2.Status(code=code, message=error.message)
    log.error("%s failed", operation.name, exc_info=error)
    message = f"localcloud failed: {type(error).__name__}: {error}"
    return status_pb2.Status(code=code_pb2.INTERNAL, message=message)


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(type(message).pb(message) if hasattr(type(message), "pb") else message)
    return packed
