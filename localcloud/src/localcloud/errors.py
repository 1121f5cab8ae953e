"""Errors in the shape that Google's REST APIs give them."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

log = logging.getLogger(__name__)


class ApiError(Exception):
    """
    An error response, as ``google.rpc.Status`` and its REST form describe it.

    Source: https://cloud.google.com/apis/design/errors

    :param code: HTTP status code.
    :param status: name of the ``google.rpc.Code``, such as ``NOT_FOUND``.
    :param message: one line for a person.
    :param reason: the word that the older APIs put into ``errors[].reason``.
    """

    def __init__(self, code: int, status: str, message: str, reason: str = "notFound") -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.reason = reason

    def json_response(self) -> web.Response:
        """Return the error as the body that Google's REST APIs send."""
        return web.json_response({"error": self.body()}, status=self.code)

    def json_bytes(self) -> bytes:
        """Return the same body for a connection that no aiohttp application serves."""
        return json.dumps({"error": self.body()}).encode()

    def body(self) -> dict[str, object]:
        """Return the value of ``error`` in the JSON response."""
        return {
            "code": self.code,
            "message": self.message,
            "status": self.status,
            "errors": [{"message": self.message, "domain": "global", "reason": self.reason}],
        }


class DroppedError(Exception):
    """The connection of a call must end without an answer."""


class StartError(Exception):
    """localcloud cannot start; the command line prints the message, one line, and exits with 2."""


def not_served(what: str) -> ApiError:
    """
    Create the error for a method that localcloud does not have.

    :param what: the method, the route or the host, as the caller named it.
    """
    return ApiError(501, "UNIMPLEMENTED", f"localcloud does not serve {what}", "notImplemented")


def invalid(message: str) -> ApiError:
    """
    Create the error for a value that the service does not accept.

    :param message: one line for a person.
    """
    return ApiError(400, "INVALID_ARGUMENT", message, "invalid")


def too_large(limit: int) -> ApiError:
    """
    Create the error for a request that is larger than the service accepts.

    :param limit: the most it takes, in bytes.
    """
    message = f"Request payload size exceeds the limit: {limit} bytes."
    return ApiError(400, "INVALID_ARGUMENT", message, "badRequest")


@web.middleware
async def error_middleware(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Convert a handler's exceptions to Google's error format; a missing route is UNIMPLEMENTED."""
    called = f"{request.method} {request.host}{request.path}"
    if request.match_info.http_exception is not None:
        return not_served(called).json_response()
    try:
        return await handler(request)
    except ApiError as error:
        return error.json_response()
    except DroppedError:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    except web.HTTPException as error:
        return ApiError(
            error.status, "INVALID_ARGUMENT", f"{error.reason}: {called}", "badRequest"
        ).json_response()
    except json.JSONDecodeError as error:
        message = f"The request body is not JSON: {error}"
        return ApiError(400, "INVALID_ARGUMENT", message, "parseError").json_response()
    except Exception as error:
        log.exception("%s failed", called)
        message = f"localcloud failed on {called}: {type(error).__name__}: {error}"
        return ApiError(500, "INTERNAL", message, "internalError").json_response()
