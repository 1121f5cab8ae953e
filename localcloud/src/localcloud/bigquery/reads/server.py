"""The gRPC service ``google.cloud.bigquery.storage.v1.BigQueryRead``."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc  # type: ignore[import-untyped]
from google.cloud.bigquery_storage_v1 import types
from google.protobuf.message import DecodeError

from localcloud.bigquery.errors import failure
from localcloud.bigquery.reads.sessions import ReadSessions, Stream
from localcloud.bigquery.warehouse import Warehouse
from localcloud.errors import ApiError, DroppedError
from localcloud.gateway.faults import Fault, Faults
from localcloud.gateway.grpc_server import GrpcServer, abort, refusal

log = logging.getLogger(__name__)
T = TypeVar("T")
_THREADS = 16
_SERVICE = "/google.cloud.bigquery.storage.v1.BigQueryRead/"
METHODS = tuple(f"BigQueryRead.{name}" for name in ("CreateReadSession", "ReadRows", "SplitReadStream"))


class ReadService:
    """
    Answer the calls of ``BigQueryRead``, in turn with all other requests for BigQuery.

    :param warehouse: where the tables are.
    :param thread: the one thread that may use the warehouse.
    :param faults: the fault switch.
    """

    def __init__(self, warehouse: Warehouse, thread: ThreadPoolExecutor, faults: Faults) -> None:
        self._warehouse = warehouse
        self._thread = thread
        self._sessions = ReadSessions(warehouse)
        self.faults = faults

    def make_server(self, drop: Callable[[str], None]) -> GrpcServer:
        """
        Create the server; it rejects every other method by name.

        :param drop: ends the connection of the client that comes from an address.
        """
        return GrpcServer(ThreadPoolExecutor(_THREADS, thread_name_prefix="reads"), _Handlers(self, drop))

    def create(self, body: bytes) -> bytes:
        """Serve CreateReadSession."""
        request = _parsed(types.CreateReadSessionRequest, body)
        return types.ReadSession.serialize(self._call(self._sessions.create, request))

    def split(self, body: bytes) -> bytes:
        """Serve SplitReadStream."""
        request = _parsed(types.SplitReadStreamRequest, body)
        return types.SplitReadStreamResponse.serialize(self._call(self._sessions.split, request))

    def read(self, body: bytes) -> Iterator[bytes]:
        """Serve ReadRows; the schema comes with the first rows."""
        request = _parsed(types.ReadRowsRequest, body)
        stream: Stream = self._call(self._sessions.read, request)
        total, done = request.offset + stream.rows.num_rows, request.offset
        for batch in stream.batches():
            progress = {"at_response_start": done / total, "at_response_end": (done + batch.rows) / total}
            response = types.ReadRowsResponse(
                **batch.content,
                **(stream.schema() if done == request.offset else {}),
                row_count=batch.rows,
                stats={"progress": progress},
            )
            done += batch.rows
            yield types.ReadRowsResponse.serialize(response)

    def _call(self, method: Callable[[Any], T], request: Any) -> T:
        def run() -> T:
            with self._warehouse.catalog.transaction():
                self._warehouse.sweep()
                return method(request)

        return self._thread.submit(run).result()


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, service: ReadService, drop: Callable[[str], None]) -> None:
        self._service = service
        self._drop = drop
        self._handlers = {
            "CreateReadSession": grpc.unary_unary_rpc_method_handler(
                self._unary("CreateReadSession", service.create)
            ),
            "SplitReadStream": grpc.unary_unary_rpc_method_handler(
                self._unary("SplitReadStream", service.split)
            ),
            "ReadRows": grpc.unary_stream_rpc_method_handler(self._read_rows),
        }

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        path = handler_call_details.method
        return self._handlers.get(path.removeprefix(_SERVICE)) or refusal(path)

    def _unary(self, name: str, answer: Callable[[bytes], bytes]) -> Any:
        def call(body: bytes, context: grpc.ServicerContext) -> bytes:
            with self._errors(name, context), _happening(self._take_fault(name)):
                return answer(body)

        return call

    def _read_rows(self, body: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        fault = self._take_fault("ReadRows")
        with self._errors("ReadRows", context), _happening(fault):
            for message in self._service.read(body):
                yield message
                if fault is not None and fault.leaves_no_answer:
                    # the stream breaks after its first rows, and a client goes on from there
                    return

    def _take_fault(self, name: str) -> Fault | None:
        return self._service.faults.take(f"BigQueryRead.{name}")

    @contextmanager
    def _errors(self, name: str, context: grpc.ServicerContext) -> Iterator[None]:
        try:
            yield
        except ApiError as error:
            abort(context, grpc.StatusCode[error.status], error.message)
        except DroppedError as error:
            self._drop(context.peer())
            abort(context, grpc.StatusCode.UNAVAILABLE, str(error))
        except Exception as error:
            log.exception("BigQueryRead.%s failed", name)
            message = f"localcloud failed on BigQueryRead.{name}: {type(error).__name__}: {error}"
            abort(context, grpc.StatusCode.INTERNAL, message)


@contextmanager
def _happening(fault: Fault | None) -> Iterator[None]:
    if fault is None:
        yield
        return
    time.sleep(fault.latency)
    with fault.around():
        yield


def _parsed(kind: Any, body: bytes) -> Any:
    try:
        return kind.deserialize(body)
    except DecodeError as error:
        raise failure("invalid", f"The request is not a message of {kind.__name__}: {error}") from error
