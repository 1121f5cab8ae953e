"""
Batches: many calls about objects in one request.

Source: https://cloud.google.com/storage/docs/batch
"""

from __future__ import annotations

import email.parser
import email.policy
import re
from collections.abc import Awaitable, Callable
from email.message import MIMEPart
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from aiohttp import web

from localcloud.errors import ApiError, invalid, not_served
from localcloud.storage.http.calls import Answer, Destination, ObjectCall
from localcloud.storage.http.refusals import refuse

LARGEST_BATCH = 100
BOUNDARY = "batch_localcloud"

_OBJECT = re.compile(
    r"/storage/v1/b/(?P<bucket>[^/]+)/o/(?P<object>[^/]+)"
    r"(?:/(?P<verb>copyTo|rewriteTo)/b/(?P<to_bucket>[^/]+)/o/(?P<to_object>[^/]+))?"
)
_NO_HEADER = re.compile(r"[^\x20-\x7e]")
METHODS = frozenset({"GET", "PATCH", "PUT", "DELETE"})


async def answer(request: web.Request, call: Callable[[ObjectCall], Awaitable[Answer]]) -> web.Response:
    """
    Carry out the parts one by one and return their answers in the same order.

    :param request: POST of a multipart/mixed body whose parts are HTTP requests.
    :param call: what carries out one part.
    :raises ApiError: 400 when the body has another form or too many parts.
    """
    parts = _parts(request.headers.get("Content-Type", ""), await request.read())
    if not 0 < len(parts) <= LARGEST_BATCH:
        text = f"A batch is multipart/mixed with 1 to {LARGEST_BATCH} parts; this one has {len(parts)}"
        raise ApiError(400, "INVALID_ARGUMENT", text, "badRequest")
    answers = [_written(part, await _carry_out(part, call)) for part in parts]
    body = b"".join(answers) + f"--{BOUNDARY}--\r\n".encode()
    return web.Response(body=body, headers={"Content-Type": f"multipart/mixed; boundary={BOUNDARY}"})


def _parts(content_type: str, body: bytes) -> list[MIMEPart]:
    if not content_type.isascii():
        raise invalid("The Content-Type of the batch is not ASCII")
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    try:
        message = parser.parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
        return list(message.iter_parts()) if message.is_multipart() else []
    except (ValueError, LookupError, RecursionError) as error:
        raise invalid(f"The batch cannot be read: {error}") from error


async def _carry_out(part: MIMEPart, call: Callable[[ObjectCall], Awaitable[Answer]]) -> Answer:
    try:
        return await call(_parse(part))
    except ApiError as error:
        return Answer.of_error(error)
    except (LookupError, ValueError) as error:
        message = f"A part of the batch cannot be read: {error}"
        return Answer.of_error(ApiError(400, "INVALID_ARGUMENT", message, "parseError"))


def _parse(part: MIMEPart) -> ObjectCall:
    content = part.get_content()
    if not isinstance(content, bytes | str):
        raise ValueError(f"it is {part.get_content_type()}")
    raw = content if isinstance(content, bytes) else content.encode()
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    request_line, _, headers = head.decode("latin-1").lstrip().partition("\n")
    method, _, target = request_line.partition(" ")
    url = urlsplit(target.partition(" ")[0])
    match = _OBJECT.fullmatch(url.path)
    if match is None or (method != "POST" if match["verb"] else method not in METHODS):
        raise not_served(f"{method} {url.path} in a batch")
    query = dict(parse_qsl(url.query, keep_blank_values=True, errors="strict"))
    refuse(query.items(), [line.partition(":")[0].strip() for line in headers.splitlines()])
    if query.get("alt") == "media":
        raise not_served("alt=media in a batch")
    destination = None
    if match["verb"]:
        destination = Destination(match["verb"], _decoded(match["to_bucket"]), _decoded(match["to_object"]))
    bucket, name = _decoded(match["bucket"]), _decoded(match["object"])
    return ObjectCall(method, bucket, name, query, body.strip(), destination)


def _decoded(segment: str) -> str:
    return unquote(segment, errors="strict")


def _written(part: MIMEPart, result: Answer) -> bytes:
    # characters that a header cannot hold, such as line breaks, are left out
    content_id = _NO_HEADER.sub("", str(part.get("Content-ID", ""))).strip("<>")
    content_type = result.headers.get("Content-Type", "application/json; charset=UTF-8")
    head = (
        f"--{BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <response-{content_id}>\r\n\r\n"
        f"HTTP/1.1 {result.status} {HTTPStatus(result.status).phrase}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(result.body)}\r\n\r\n"
    )
    return head.encode() + result.body + b"\r\n"
