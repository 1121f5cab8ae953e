"""Unexpected values, and how they are put into requests."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import quote

TEXTS = (
    *("", " ", "x", "null", "-1", "1e999", "NaN", "9" * 30, "true", "=", "é" * 250, "a" * 1100),
    *(
        "\x00",
        "a\x00b",
        "\ud800",
        "\r\n",
        "../..",
        "%",
        "*",
        "'",
        '"',
        "`",
        ";",
        "a.b.c",
        "$",
        "@",
        "@-",
        "::",
    ),
    *(
        "2020-99-99T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "projects/x/locations/y",
        "gs://",
        "gs://a b/c",
        "bq://",
    ),
    *(
        "\u0661",
        "\u00b2",
        "MTox",
        "LTEsLTE=",
        "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk=",
        "labels.a:b",
        "a,b",
        "name DESC",
    ),
)
NUMBERS = (0, -1, 1, 2**31, -(2**31) - 1, 2**63, -(2**63) - 1, 2**64, 10**40, 1.5, -0.0, 1e308, float("nan"))
VALUES = (None, True, False, [], {}, [None], [[]], {"": None}, {"a": {"b": [1]}}, [{}], ["x", 1])
BODIES = (
    *(b"", b" ", b"null", b"[]", b"{}", b"5", b'"x"', b"{", b"\xff\xfe", b'{"a":', b"NaN", b'{"a": 1e999}'),
    *(
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"\\ud800": "\\udfff"}',
        b"1" * 5000,
        b"\x00",
        b'{"a": 1, "a": []}',
    ),
)
CONTENT_TYPES = (
    *("application/json", "", "text/plain", "application/json; charset=utf-16", "multipart/related"),
    *("multipart/related; boundary=", "multipart/mixed; boundary=b", "application/x-www-form-urlencoded"),
    *("application/json; charset=nonsense", "a", "multipart/related; boundary=" + "b" * 300, "é/é"),
)


def value(random: Random) -> Any:
    """Return any value."""
    kind = random.choice((TEXTS, TEXTS, NUMBERS, VALUES))
    return copy.deepcopy(random.choice(kind))


def mutated(random: Random, body: Any) -> Any:
    """Return a body with a few of its values, at any depth, replaced, left out or added."""
    holder = [copy.deepcopy(body)]
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        # sometimes the whole body, otherwise something in it
        places = [*_places(holder)]
        owner, key = random.choice(places[1:] if len(places) > 1 and random.random() < 0.95 else places)
        action = random.choice(("replace", "replace", "replace", "drop", "wrap", "add"))
        if action == "drop" and owner is not holder:
            del owner[key]
        elif action == "wrap":
            owner[key] = [owner[key]]
        elif action == "add" and isinstance(owner[key], dict):
            owner[key][random.choice(TEXTS)] = value(random)
        else:
            owner[key] = value(random)
    return holder[0]


def encoded(random: Random, body: Any) -> bytes:
    """Return a body as JSON, or bytes that are not JSON."""
    if random.random() < 0.1:
        return random.choice(BODIES)
    return json.dumps(body).encode()


def content_type(random: Random, valid: str) -> bytes:
    """Return a Content-Type, usually the valid one; as bytes, since some are not ASCII."""
    return (valid if random.random() < 0.85 else random.choice(CONTENT_TYPES)).encode()


def segment(random: Random, valid: str) -> str:
    """Return a part of a path, usually the valid one."""
    if random.random() < 0.85:
        return quote(valid, safe="")
    return (
        random.choice(("%FF%FE", "%00", "..%2f..", "%E2%28%A1")) if random.random() < 0.2 else _quoted(random)
    )


def query(random: Random, names: list[str], valid: dict[str, str]) -> str:
    """Return a query: some of the known parameters, sometimes an unknown one."""
    chosen = [*valid.items()]
    some = random.sample(names, min(len(names), random.choice((0, 0, 1, 1, 2))))
    chosen += [(name, random.choice(TEXTS)) for name in some]
    if random.random() < 0.05:
        chosen.append((random.choice(TEXTS), random.choice(TEXTS)))
    pairs = "&".join(f"{_percent(name)}={_percent(text)}" for name, text in chosen)
    return f"?{pairs}" if pairs else ""


def _quoted(random: Random) -> str:
    return _percent(random.choice(TEXTS)) or "-"


def _percent(text: str) -> str:
    return quote(text.encode(errors="surrogatepass"), safe="")


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    keys = range(len(node)) if isinstance(node, list) else node
    for key in keys:
        yield node, key
        if isinstance(node[key], list | dict):
            yield from _places(node[key])


def multipart(random: Random, resource: bytes, content: bytes = b"a\n1\n") -> bytes:
    """Return a multipart body with the boundary ``b``, or almost one."""
    head = b"Content-Type: application/json\r\n\r\n"
    parts = [b"--b\r\n" + head + resource, b"\r\n--b\r\n" + head + content, b"\r\n--b--\r\n"]
    if random.random() < 0.3:
        parts[random.randrange(3)] = random.choice(
            (b"", b"\r\n--b\r\n", b"--b", b"\xff", b"--b\r\nContent-Type\r\n\r\n")
        )
    if random.random() < 0.1:
        parts.insert(1, b"\r\n--b\r\nContent-Transfer-Encoding: base64\r\nContent-Encoding: gzip\r\n\r\n%%%")
    return b"".join(parts)


def content_range(random: Random) -> str:
    """Return a Content-Range."""
    number = ("0", "1", "4", "5", "-1", "*", "9" * 18, "9" * 30, "x", "")
    return random.choice(
        (
            f"bytes {random.choice(number)}-{random.choice(number)}/{random.choice(number)}",
            f"bytes */{random.choice(number)}",
            "bytes 0-3/4",
            *("bytes", "items 0-1/2", ""),
        )
    )


def path(name: str) -> str:
    """Write a resource name into a path."""
    return quote(name.encode(errors="surrogatepass"), safe="/:@")


def broken(random: Random, content: bytes) -> bytes:
    """Return a file unchanged, truncated, or with a changed byte."""
    if random.random() < 0.4 or not content:
        return content
    place = random.randrange(len(content))
    if random.random() < 0.5:
        return content[:place]
    return content[:place] + bytes([random.randrange(256)]) + content[place + 1 :]
