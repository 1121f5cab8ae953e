"""The gRPC side of the API."""

from __future__ import annotations

from collections.abc import Callable
from concurrent import futures
from typing import Any, NoReturn

import grpc  # type: ignore[import-untyped]
from google.api_core import exceptions
from google.protobuf.message import DecodeError

from localcloud.errors import DroppedError
from localcloud.gateway.grpc_server import GrpcServer, abort, refusal
from localcloud.vertex.api.calls import Api
from localcloud.vertex.api.discovery import Method
from localcloud.vertex.resources.store import decode, encode


def make_server(api: Api, pool: futures.ThreadPoolExecutor, drop: Callable[[str], None]) -> GrpcServer:
    """
    Create the server of the API's unary methods, which rejects every other method by name.

    :param api: answers the calls.
    :param pool: threads that the handlers run on.
    :param drop: ends the connection of the client that comes from an address.
    """
    return GrpcServer(pool, _Handlers(api, drop))


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, api: Api, drop: Callable[[str], None]) -> None:
        self._api = api
        self._drop = drop

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        path = handler_call_details.method
        method = self._api.methods.get(path)
        if method is None:
            return refusal(path)
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
        raise exceptions.InvalidArgument(
            f"The request is not a message of {method.title}: {error}"
        ) from error


def _abort(context: grpc.ServicerContext, error: exceptions.GoogleAPICallError) -> NoReturn:
    abort(context, error.grpc_status_code or grpc.StatusCode.UNKNOWN, error.message)
