"""The REST side of the API: JSON as Google's servers read and write it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Any

from aiohttp import web
from google.api import httpbody_pb2  # type: ignore[import-untyped]
from google.api_core import exceptions
from google.protobuf import json_format
from multidict import MultiMapping

from localcloud.errors import ApiError, error_middleware
from localcloud.gateway.grpc_server import MAX_MESSAGE_BYTES
from localcloud.gateway.json_body import read_json, read_object
from localcloud.vertex.api.calls import Api, Reply, unimplemented
from localcloud.vertex.api.discovery import Method, Route

# https://cloud.google.com/apis/docs/system-parameters
_SYSTEM_PARAMETERS = {
    "access_token", "alt", "callback", "fields", "key", "prettyPrint", "quotaUser",
    "uploadType", "upload_protocol",
}  # fmt: skip
_RAW_BODY = "httpBody"


def create_app(api: Api, pool: Executor, routes: Iterable[web.RouteDef]) -> web.Application:
    """
    Create the web application that serves the REST calls.

    :param api: answers the calls.
    :param pool: threads that the handlers run on.
    :param routes: paths of other APIs, which come first.
    """
    rest = _Rest(api, pool)
    app = web.Application(middlewares=[error_middleware], client_max_size=MAX_MESSAGE_BYTES)
    app.router.add_routes(routes)
    app.router.add_route("*", "/{path:.*}", rest.answer)
    return app


class _Rest:
    def __init__(self, api: Api, pool: Executor) -> None:
        self._api = api
        self._pool = pool
        self._routes: dict[str, list[tuple[Route, Method]]] = {}
        seen = set()
        for method in api.methods.values():
            for route in method.routes:
                if (route.verb, route.uri) not in seen:
                    seen.add((route.verb, route.uri))
                    self._routes.setdefault(route.verb, []).append((route, method))

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._answer, request, body)

    def _answer(self, request: web.Request, body: bytes) -> web.Response:
        try:
            route, method, values = self._find(request)
            message = _read(method, route, values, request, body)
            reply = self._api.call(method, message)
        except exceptions.GoogleAPICallError as error:
            return _error(error)
        return _write(reply, integer_enums="enum-encoding=int" in request.query.get("$alt", ""))

    def _find(self, request: web.Request) -> tuple[Route, Method, tuple[str, ...]]:
        for route, method in self._routes.get(request.method, []):
            found = route.uri.fullmatch(request.path)
            if found:
                return route, method, found.groups()
        raise unimplemented(f"{request.method} {request.host}{request.path}")


def _read(method: Method, route: Route, values: tuple[str, ...], request: web.Request, body: bytes) -> Any:
    raw = method.request.pb()() if hasattr(method.request, "pb") else method.request()
    fields: dict[str, Any] = {}
    if "http_body" in raw.DESCRIPTOR.fields_by_name:
        _read_raw_body(raw.http_body, request.content_type, body)
    elif route.body == "*":
        fields = read_object(body)
    elif route.body:
        fields = {route.body: read_object(body)}
    _read_query(fields, raw.DESCRIPTOR, request.query)
    for path, value in zip(route.variables, values, strict=True):
        _set(fields, path.split("."), value)
    _parse(fields, raw)
    return method.request.wrap(raw) if hasattr(method.request, "wrap") else raw


def _parse(fields: Any, raw: Any) -> None:
    try:
        json_format.ParseDict(fields, raw)
    except (
        json_format.ParseError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        # not every wrong type raises a ParseError
        reason = " ".join(str(error).split())
        raise exceptions.InvalidArgument(f"Invalid JSON payload received. {reason}") from error


def _read_raw_body(target: httpbody_pb2.HttpBody, content_type: str, body: bytes) -> None:
    """Return the body, unwrapped if the generated REST client has put it into ``httpBody``."""
    try:
        wrapped = read_json(body)
    except ApiError:
        wrapped = None
    if isinstance(wrapped, dict) and list(wrapped) == [_RAW_BODY]:
        _parse(wrapped[_RAW_BODY], target)
    else:
        target.content_type, target.data = content_type, body


def _read_query(fields: dict[str, Any], descriptor: Any, query: MultiMapping[str]) -> None:
    for key in dict.fromkeys(query):
        if key.startswith("$") or key in _SYSTEM_PARAMETERS:
            continue
        path = key.split(".")
        found = _field(descriptor, path)
        if found is None:
            raise exceptions.InvalidArgument(
                f'Invalid JSON payload received. Unknown name "{key}": Cannot bind query parameter.'
            )
        values = [_from_text(found, value) for value in query.getall(key)]
        _set(fields, path, values if found.is_repeated else values[-1])


def _field(descriptor: Any, path: list[str]) -> Any:
    found = None
    for part in path:
        if descriptor is None:
            return None
        found = descriptor.fields_by_name.get(part) or descriptor.fields_by_camelcase_name.get(part)
        descriptor = found.message_type if found else None
    return found


def _from_text(field: Any, value: str) -> Any:
    if field.type == field.TYPE_BOOL and value in ("true", "false"):
        return value == "true"
    if field.message_type and field.message_type.full_name == "google.protobuf.FieldMask":
        # Google accepts snake_case too; the JSON mapping only knows camelCase
        return re.sub(r"_([a-z])", lambda found: found.group(1).upper(), value)
    return value


def _set(fields: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, leaf = path
    for part in parents:
        fields = fields.setdefault(part, {})
        if not isinstance(fields, dict):
            raise exceptions.InvalidArgument(f"Invalid JSON payload received. {part} is not an object.")
    fields[leaf] = value


def _write(reply: Reply, *, integer_enums: bool) -> web.Response:
    message = reply.message
    raw = type(message).pb(message) if hasattr(type(message), "pb") else message
    if isinstance(raw, httpbody_pb2.HttpBody):
        headers = {"Content-Type": raw.content_type, **reply.headers}
        return web.Response(body=raw.data, headers=headers)
    content = json_format.MessageToDict(raw, use_integers_for_enums=integer_enums)
    return web.json_response(content, headers=reply.headers)


def _error(error: exceptions.GoogleAPICallError) -> web.Response:
    status = error.grpc_status_code.name if error.grpc_status_code else "UNKNOWN"
    code = int(error.code or 500)
    return web.json_response(
        {"error": {"code": code, "message": error.message, "status": status}}, status=code
    )
