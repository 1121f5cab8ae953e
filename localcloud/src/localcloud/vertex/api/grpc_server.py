"""The gRPC side of the API."""

from __future__ import annotations

from collections.abc import Callable
from concurrent import futures
from typing import Any, NoReturn

import grpc  # type: ignore[import-untyped]
from google.api_core import exceptions
from google.protobuf.message import DecodeError

from localcloud.config import HOST
from localcloud.errors import DroppedError
from localcloud.vertex.api import Api, unimplemented
from localcloud.vertex.discovery import Method
from localcloud.vertex.store import decode, encode

MAX_MESSAGE_BYTES = 256 * 1024 * 1024
_GRACE_SECONDS = 2.0


class GrpcServer:
    """
    Serve the API's unary methods on a free port of loopback, and refuse every other method by name.

    :param api: answers the calls.
    :param pool: threads that the handlers run on.
    :param drop: ends the connection of the client that comes from an address.
    """

    def __init__(self, api: Api, pool: futures.ThreadPoolExecutor, drop: Callable[[str], None]) -> None:
        self._server = grpc.server(
            pool,
            handlers=(_Handlers(api, drop),),
            options=(
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                ("grpc.so_reuseport", 0),
            ),
        )

    def start(self) -> str:
        """Listen, and give the address, ``host:port``, that takes plaintext HTTP/2."""
        port = self._server.add_insecure_port(f"{HOST}:0")
        self._server.start()
        return f"{HOST}:{port}"

    def stop(self) -> None:
        """Refuse new calls and wait a moment for those that run."""
        self._server.stop(_GRACE_SECONDS).wait()


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, api: Api, drop: Callable[[str], None]) -> None:
        self._api = api
        self._drop = drop

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        path = handler_call_details.method
        method = self._api.methods.get(path)
        if method is None:
            return _refusal(path)
        return grpc.unary_unary_rpc_method_handler(self._unary(method))

    def _unary(self, method: Method) -> Any:
        def answer(body: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                reply = self._api.call(method, _read(body, method))
            except exceptions.GoogleAPICallError as error:
                _abort(context, error)
            except DroppedError as error:
                self._drop(context.peer())
                _abort(context, exceptions.ServiceUnavailable(str(error)))
            context.send_initial_metadata([(key.lower(), value) for key, value in reply.headers.items()])
            return encode(reply.message)

        return answer


def _read(body: bytes, method: Method) -> Any:
    try:
        return decode(body, method.request)
    except DecodeError as error:
        raise exceptions.InvalidArgument(f"The request is no message of {method.title}: {error}") from error


def _refusal(path: str) -> grpc.RpcMethodHandler:
    # a streaming handler refuses before it reads the request, whatever kind the method is
    def answer(requests: Any, context: grpc.ServicerContext) -> NoReturn:
        _abort(context, unimplemented(path[1:].replace("/", ".")))

    return grpc.stream_stream_rpc_method_handler(answer)


def _abort(context: grpc.ServicerContext, error: exceptions.GoogleAPICallError) -> NoReturn:
    context.abort(error.grpc_status_code or grpc.StatusCode.UNKNOWN, error.message)
    raise AssertionError("abort raises")
