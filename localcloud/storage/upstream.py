"""Calls to the storage server behind the mended front."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from localcloud.errors import ApiError, not_served
from localcloud.storage import names

# Hop-by-hop, or what aiohttp itself must decide.
DROPPED = frozenset(
    {
        "connection",
        "date",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

Query = dict[str, str]
Body = bytes | AsyncIterable[bytes] | None


@dataclass
class Answer:
    """An answer that was read to its end."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of(cls, resource: Any, status: int = 200) -> Answer:
        """Make the answer that carries a resource."""
        content = json.dumps(resource).encode()
        return cls(status, {"Content-Type": "application/json; charset=UTF-8"}, content)

    @classmethod
    def of_error(cls, error: ApiError) -> Answer:
        """Make the answer that carries an error."""
        return cls.of({"error": error.body()}, error.code)

    def json(self) -> Any:
        """Give the resource in it; an empty one when it carries none."""
        return json.loads(self.body) if self.body else {}


class Upstream:
    """
    One keep-alive pool of connections to the storage server.

    :param base_url: address of the storage server.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            skip_auto_headers=("Accept-Encoding", "Content-Type", "User-Agent"),
        )

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    def open(
        self, method: str, path: str, query: Query, headers: Mapping[str, str], body: Body = None
    ) -> aiohttp.client._RequestContextManager:
        """
        Call the server and leave the answer's body unread.

        :param method: HTTP method.
        :param path: path, already percent-encoded.
        :param query: parameters of the query.
        :param headers: headers of the client.
        :param body: content, or a stream of it.
        """
        assert self._session is not None
        url = URL(f"{self.base_url}{path}?{urlencode(query)}", encoded=True)
        # the server makes its links from these two
        sent = passed_on(headers) | {"Host": "www.googleapis.com", "X-Forwarded-Proto": "https"}
        return self._session.request(method, url, headers=sent, data=body, allow_redirects=False)

    async def call(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
    ) -> Answer:
        """
        Call the server and read its answer, with the client's object names in it.

        :param method: HTTP method.
        :param path: path, already percent-encoded.
        :param query: parameters of the query.
        :param headers: headers of the client.
        :param body: content, or a stream of it.
        :raises ApiError: 501 when the server cannot do it.
        """
        async with self.open(method, path, query or {}, headers or {}, body) as response:
            answer = Answer(response.status, _described(response.headers), await response.read())
        _refuse_failures(f"{method} {path}", answer)
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            _decode_names(answer)
        return answer


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """
    Give the headers that one side may pass on to the other.

    :param headers: headers as they came.
    """
    return {name: value for name, value in headers.items() if name.lower() not in DROPPED}


def _described(headers: Mapping[str, str]) -> dict[str, str]:
    """Leave out the length, which follows from the body once more."""
    return {name: value for name, value in passed_on(headers).items() if name.lower() != "content-length"}


def _refuse_failures(called: str, answer: Answer) -> None:
    """Name what files cannot do: a 500 would make clients try again for two minutes."""
    if answer.status == 500:
        raise not_served(f"{called}: {_message(answer)}")


def _message(answer: Answer) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return answer.body.decode(errors="replace").strip()


def _decode_names(answer: Answer) -> None:
    content = answer.json()
    if not isinstance(content, dict):
        return
    for resource in [content, content.get("resource"), *content.get("items", ())]:
        if isinstance(resource, dict) and resource.get("kind") == "storage#object":
            names.decode_resource(resource)
    if "prefixes" in content:
        content["prefixes"] = [names.decode(prefix[:-1]) + prefix[-1:] for prefix in content["prefixes"]]
    answer.body = json.dumps(content).encode()
