"""Requests by which a web page or a hostile client tries to read files."""

from __future__ import annotations

import asyncio
import gzip
from urllib.parse import quote

import pytest
from tests.storage.served import OBJECTS, UPLOAD

TRAVERSALS = [
    "..%2f..%2f..%2fescaped",
    "%2e%2e/%2e%2e/escaped",
    "..%2F..%2Fcatalog.sqlite",
    "%2ftmp%2fescaped",
    "..%5c..%5cescaped",
    "a%00b",
    "%00",
    "a%2f..%2f..%2f..%2fescaped",
    "~root",
    "%7e%2f.ssh%2fauthorized_keys",
]


@pytest.mark.parametrize("name", TRAVERSALS)
async def test_no_name_leads_out_of_the_folder(served, tmp_path, name):
    encoded = name.replace("/", "%2f")

    assert (await served.put(encoded, b"content")).status == 200

    assert await served.content(encoded) == b"content"
    outside = [
        path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(served.folder)
    ]
    assert [path for path in outside if b"content" in path.read_bytes()] == []
    # only one content file, in the only content folder
    assert len([path for path in served.folder.rglob("*") if path.parent.name == "content"]) == 1
    assert (await served.ask("DELETE", f"{OBJECTS}/{encoded}")).status == 204
    assert await served.names() == []


@pytest.mark.parametrize(
    "path", ["/wine/..%2f..%2fcatalog.sqlite", "/..%2f/catalog.sqlite", "/wine/%2e%2e/%2e%2e/x"]
)
async def test_no_file_of_this_machine_is_read(served, path):
    answer = await served.ask("GET", path)

    assert answer.status in (400, 404)
    assert b"SQLite" not in await answer.read()


@pytest.mark.parametrize("bucket", ["..", "..%2fx", "%2e%2e", "a%2fb", "UP", "a%00b", "x" * 300])
async def test_no_bucket_leads_out_of_the_folder(served, tmp_path, bucket):
    before = sorted(tmp_path.rglob("*"))

    answers = [
        await served.ask("POST", f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name=x", data=b"x"),
        await served.ask("GET", f"/storage/v1/b/{bucket}/o/x?alt=media"),
        await served.ask("DELETE", f"/storage/v1/b/{bucket}"),
        await served.ask("POST", f"{OBJECTS}/x/rewriteTo/b/{bucket}/o/x"),
    ]

    assert {answer.status for answer in answers} <= {400, 404, 501}
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["", ".", "..", "x" * 1025, "a%0ab", "a%0db", ".well-known%2facme-challenge%2fx"]
)
async def test_a_name_that_no_object_may_have_is_refused(served, name):
    assert (await served.put(name, b"x")).status == 400
    resumable = await served.ask("POST", f"{UPLOAD}?uploadType=resumable", json={"name": name})
    assert (resumable.status == 400) == ("%" not in name)


@pytest.mark.parametrize("name", [7, None, ["a"], {"a": "b"}, "\ud800"])
async def test_a_name_of_another_kind_is_refused(served, name):
    assert (await served.ask("POST", f"{UPLOAD}?uploadType=resumable", json={"name": name})).status == 400


async def test_names_differ_in_every_byte(served):
    names = ["a", "A", "a/b", "a/", "a//b", "a/b/c", "ä", "a\u0308", "x" * 1024]
    for name in names:
        encoded = quote(name, safe="")
        assert (await served.put(encoded, name.encode())).status == 200, name

    assert await served.names() == sorted(names, key=str.encode)
    for name in names:
        assert await served.content(quote(name, safe="")) == name.encode()


async def test_no_page_of_another_origin_is_let_in(served):
    answer = await served.ask(
        "GET", OBJECTS, headers={"Origin": "https://evil.example", "Host": "rebound.example"}
    )

    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/storage/v1/b?project=local-project", b"[]"),
        ("POST", "/storage/v1/b?project=local-project", b'{"name": 3}'),
        ("POST", "/storage/v1/b?project=local-project", b'{"name": "abc", "location": 3}'),
        ("POST", "/storage/v1/b?project=local-project", b'{"name": "abc", "location": "\\ud800"}'),
        ("POST", "/storage/v1/b?project=local-project", b'{"name": "\xff"}'),
        ("POST", "/storage/v1/b?project=local-project", gzip.compress(b'{"name": "abc"}', mtime=0)),
        ("POST", "/storage/v1/b?project=local-project", b"[" * 200_000),
        ("POST", "/storage/v1/b?project=local-project", b'{"name": ' + b"9" * 5000 + b"}"),
        ("PATCH", f"{OBJECTS}/there", b'{"a": ' + b"9" * 5000 + b"}"),
        ("PATCH", f"{OBJECTS}/there", b'{"metadata": {"a": 1}}'),
        ("PATCH", f"{OBJECTS}/there", b'{"contentType": "a\\r\\nSet-Cookie: b"}'),
        ("PATCH", f"{OBJECTS}/there", b"\xff"),
        ("PATCH", f"{OBJECTS}/there", b"[" * 100_000),
        ("POST", f"{OBJECTS}/x/compose", b'{"sourceObjects": 1}'),
        ("POST", f"{OBJECTS}/x/compose", b'{"sourceObjects": [1]}'),
        ("POST", f"{OBJECTS}/x/compose", b'{"sourceObjects": [{"name": "there", "generation": "x"}]}'),
        ("POST", f"{OBJECTS}/x/compose", b"{}"),
        ("POST", f"{OBJECTS}/there/rewriteTo/b/wine/o/x", b"3"),
        ("GET", f"{OBJECTS}?maxResults=1e3", b""),
        ("GET", f"{OBJECTS}?pageToken=%ff", b""),
        ("GET", f"{OBJECTS}/there?ifGenerationMatch=-1", b""),
        ("POST", f"{UPLOAD}?uploadType=multipart", b"{}"),
        ("POST", "/batch", b""),
    ],
)
async def test_malformed_requests_are_the_callers_fault(served, method, path, body):
    await served.put("there", b"x")

    answer = await served.ask(method, path, data=body)

    assert answer.status == 400
    assert (await answer.json())["error"]["code"] == 400


@pytest.mark.parametrize("path", ["/batch/storage/v1", f"{UPLOAD}?uploadType=multipart"])
async def test_a_boundary_that_is_not_ascii_is_the_callers_fault(served, path):
    reader, writer = await asyncio.open_connection(served.client.host, served.client.port)
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n".encode()
    writer.write(head + b"Content-Type: multipart/mixed; boundary=\xff\r\n\r\n--\xff--")

    assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")

    writer.close()


async def test_the_head_of_a_part_is_bounded(served):
    lines = b"X-Line: " + b"x" * 1000 + b"\r\n"
    body = b'--x\r\n\r\n{"name": "a"}\r\n--x\r\n' + lines * 1100 + b"\r\ncontent\r\n--x--"

    answer = await served.ask(
        "POST",
        f"{UPLOAD}?uploadType=multipart",
        data=body,
        headers={"Content-Type": "multipart/related; boundary=x"},
    )

    assert answer.status == 400
    assert await served.names() == []
