"""Shared code of the gRPC servers: how they listen, and how a call ends with an error."""

from __future__ import annotations

from concurrent import futures
from typing import Any, NoReturn

import grpc  # type: ignore[import-untyped]

from localcloud.config import HOST

MAX_MESSAGE_BYTES = 256 * 1024 * 1024
_GRACE_SECONDS = 2.0


class GrpcServer:
    """
    Listen on a free port of loopback.

    :param pool: threads that the handlers run on.
    :param handlers: what answers; it refuses every method that it does not serve.
    """

    def __init__(self, pool: futures.ThreadPoolExecutor, handlers: grpc.GenericRpcHandler) -> None:
        self._server = grpc.server(
            pool,
            handlers=(handlers,),
            options=(
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                ("grpc.so_reuseport", 0),
            ),
        )

    def start(self) -> str:
        """Listen, and return the address, ``host:port``, that accepts plaintext HTTP/2."""
        port = self._server.add_insecure_port(f"{HOST}:0")
        self._server.start()
        return f"{HOST}:{port}"

    def stop(self) -> None:
        """Refuse new calls and wait a moment for those that run."""
        self._server.stop(_GRACE_SECONDS).wait()


def refusal(path: str) -> grpc.RpcMethodHandler:
    """
    Create the handler of a method that is not served.

    :param path: the method, ``/package.Service/Method``.
    """

    # a streaming handler rejects the call before it reads the request, whatever kind the method is
    def answer(requests: Any, context: grpc.ServicerContext) -> NoReturn:
        title = path[1:].replace("/", ".")
        abort(context, grpc.StatusCode.UNIMPLEMENTED, f"localcloud does not serve {title}.")

    return grpc.stream_stream_rpc_method_handler(answer)


def abort(context: grpc.ServicerContext, code: grpc.StatusCode, message: str) -> NoReturn:
    """
    End a call with an error.

    :param context: the call.
    :param code: what a program reads.
    :param message: one line for a person.
    """
    context.abort(code, message)
    raise AssertionError("abort raises")
