"""Uploads that no Python client library sends."""

from __future__ import annotations

import base64
import gzip
import hashlib

import google_crc32c
import pytest
from tests.storage.served import OBJECTS, UPLOAD
from yarl import URL

from localcloud.storage import Store

UNIT = 256 * 1024
CONTENT = b"content\r\n--edge\n--edg\r\r\n\n"


def related(content: bytes, end: bytes, head: bytes = b"Content-Type: text/plain") -> bytes:
    """Write a body of two parts, with lines that end in one way."""
    lines = [
        b"--edge-",
        b"Content-Type: application/json",
        b"",
        b'{"name": "one"}',
        b"--edge-",
        *filter(None, [head]),
        b"",
    ]
    return b"".join(line + end for line in lines) + content + end + b"--edge---" + end


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def crc32c(content: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(content).digest()).decode()


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("content", [CONTENT, b"", b"\r", b"x" * 700_000])
@pytest.mark.parametrize("head", [b"Content-Type: text/plain", b""])
async def test_a_multipart_upload_keeps_every_byte(served, end, content, head):
    answer = await served.ask(
        "POST",
        f"{UPLOAD}?uploadType=multipart",
        data=related(content, end, head),
        headers={"Content-Type": "multipart/related; boundary=edge-"},
    )

    assert answer.status == 200, await answer.text()
    assert (await answer.json()).get("contentType", "") == head.decode().removeprefix("Content-Type: ")
    assert await served.content("one") == content


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--edge-\r\n\r\n{}",
        b'--edge-\r\n\r\n{"name": "a"}\r\n--edge---\r\n',
        related(b"x", b"\r\n")[:-12],
    ],
)
async def test_a_multipart_upload_that_breaks_off_leaves_nothing(served, body):
    answer = await served.ask(
        "POST",
        f"{UPLOAD}?uploadType=multipart",
        data=body,
        headers={"Content-Type": "multipart/related; boundary=edge-"},
    )

    assert answer.status == 400
    assert await served.names() == []
    assert list((served.folder / "content").iterdir()) == []


@pytest.mark.parametrize("field", ["md5Hash", "crc32c"])
async def test_content_that_is_not_what_was_sent_is_refused(served, field):
    right = {"md5Hash": md5(b"right"), "crc32c": crc32c(b"right")}[field]
    header = f"{field.removesuffix('Hash')}={right}"

    for content, status in ((b"wrong", 400), (b"right", 200)):
        plain = await served.put("plain", content, headers={"X-Goog-Hash": header})
        opened = await served.ask("POST", f"{UPLOAD}?uploadType=resumable&name=late", json={})
        path = URL(opened.headers["Location"]).raw_path_qs
        late = await served.ask("PUT", path, data=content, headers={"X-Goog-Hash": header})
        early = await served.ask("POST", f"{UPLOAD}?uploadType=resumable&name=early", json={field: right})
        path = URL(early.headers["Location"]).raw_path_qs
        assert [plain.status, late.status, (await served.ask("PUT", path, data=content)).status] == [
            status
        ] * 3
        if status == 400:
            assert "doesn't match calculated" in (await plain.json())["error"]["message"]
            assert await served.names() == []

    assert await served.content("plain") == b"right"


async def test_checksums_are_given(served):
    await served.put("one", b"content")

    found = await (await served.ask("GET", f"{OBJECTS}/one")).json()
    head = (await served.ask("GET", "/wine/one")).headers

    assert (found["md5Hash"], found["crc32c"]) == (md5(b"content"), crc32c(b"content"))
    assert head["X-Goog-Hash"] == f"crc32c={crc32c(b'content')},md5={md5(b'content')}"


async def test_a_resumable_upload_goes_on_after_a_restart(served):
    opened = await served.ask("POST", f"{UPLOAD}?uploadType=resumable&name=one", json={"contentType": "a/b"})
    path = URL(opened.headers["Location"]).raw_path_qs
    first = {"Content-Range": f"bytes 0-{UNIT - 1}/*"}
    sent = await served.ask("PUT", path, data=b"a" * UNIT, headers=first)
    assert (sent.status, sent.headers["Range"]) == (308, f"bytes=0-{UNIT - 1}")

    # the next start keeps what it finds
    Store(served.folder).close()

    asked = await served.ask("PUT", path, headers={"Content-Range": "bytes */*"})
    assert (asked.status, asked.headers["Range"]) == (308, f"bytes=0-{UNIT - 1}")
    rest = {"Content-Range": f"bytes {UNIT}-{UNIT + 2}/{UNIT + 3}"}
    assert (await served.ask("PUT", path, data=b"end", headers=rest)).status == 200
    again = await served.ask("PUT", path, headers={"Content-Range": f"bytes */{UNIT + 3}"})
    assert (again.status, (await again.json())["contentType"]) == (200, "a/b")
    assert await served.content("one") == b"a" * UNIT + b"end"


@pytest.mark.parametrize(
    ("span", "length"),
    [
        ("bytes 5-9/10", 5),
        ("bytes 0-9/5", 10),
        ("bytes 0-9/20", 4),
        ("bytes 0-9/*", 10),
        ("bytes 9-0/10", 1),
        ("bytes x", 1),
        ("0-9/10", 10),
    ],
)
async def test_a_chunk_that_does_not_fit_is_refused_and_forgotten(served, span, length):
    opened = await served.ask("POST", f"{UPLOAD}?uploadType=resumable&name=one")
    path = URL(opened.headers["Location"]).raw_path_qs

    assert (await served.ask("PUT", path, data=b"x" * length, headers={"Content-Range": span})).status == 400

    asked = await served.ask("PUT", path, headers={"Content-Range": "bytes */*"})
    assert (asked.status, asked.headers.get("Range")) == (308, None)
    assert (await served.ask("PUT", path, data=b"whole")).status == 200
    assert await served.content("one") == b"whole"


async def test_a_repeated_chunk_counts_once(served):
    opened = await served.ask("POST", f"{UPLOAD}?uploadType=resumable&name=one")
    path = URL(opened.headers["Location"]).raw_path_qs
    for _ in range(2):
        await served.ask("PUT", path, data=b"a" * UNIT, headers={"Content-Range": f"bytes 0-{UNIT - 1}/*"})
    last = {"Content-Range": f"bytes 0-{UNIT}/{UNIT + 1}"}

    assert (await served.ask("PUT", path, data=b"a" * UNIT + b"b", headers=last)).status == 200

    assert await served.content("one") == b"a" * UNIT + b"b"


async def test_a_cancelled_upload_leaves_nothing(served):
    opened = await served.ask("POST", f"{UPLOAD}?uploadType=resumable&name=one")
    path = URL(opened.headers["Location"]).raw_path_qs

    assert (await served.ask("DELETE", path)).status == 499

    assert (await served.ask("PUT", path, data=b"x")).status == 404
    assert list((served.folder / "content").iterdir()) == []


@pytest.mark.parametrize(
    ("asked", "status", "content", "span"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=7-99", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=4-2", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
async def test_a_part_is_read(served, asked, status, content, span):
    await served.put("one", b"0123456789")

    answer = await served.ask("GET", "/wine/one", headers={"Range": asked})

    assert (answer.status, await answer.read()) == (status, content)
    assert answer.headers.get("Content-Range") == span


async def test_a_client_that_takes_no_gzip_gets_what_is_inside(served):
    packed = gzip.compress(b"alcohol" * 100_000)
    await served.put("one&contentEncoding=gzip", packed)
    served.client.session._auto_decompress = False

    plain = await served.content("one", headers={"Accept-Encoding": "identity"})
    stored = await served.content("one", headers={"Accept-Encoding": "gzip"})

    assert plain == b"alcohol" * 100_000
    assert stored == packed


async def test_what_was_composed_says_of_how_many(served):
    for name in ("a", "b"):
        await served.put(name, name.encode())

    order = {"sourceObjects": [{"name": "a"}, {"name": "b"}], "destination": {"contentType": "a/b"}}
    made = await (await served.ask("POST", f"{OBJECTS}/ab/compose", json=order)).json()

    assert (made["componentCount"], made["contentType"], made["size"]) == (2, "a/b", "2")
    assert "md5Hash" not in made
    assert made["crc32c"] == crc32c(b"ab")


async def test_a_copy_has_other_metadata_only_if_it_is_sent(served):
    await served.put("one", b"x", headers={"Content-Type": "a/b"})

    same = await served.ask("POST", f"{OBJECTS}/one/copyTo/b/wine/o/two", json={"name": "two"})
    other = await served.ask("POST", f"{OBJECTS}/one/copyTo/b/wine/o/three", json={"contentType": "c/d"})

    assert (await same.json())["contentType"] == "a/b"
    assert (await other.json())["contentType"] == "c/d"
    await served.ask("DELETE", f"{OBJECTS}/one")
    assert await served.content("two") == b"x"


async def test_an_update_writes_all_metadata_and_a_patch_a_part(served):
    await served.put("one", b"x", headers={"Content-Type": "a/b"})
    await served.ask("PATCH", f"{OBJECTS}/one", json={"metadata": {"a": "1", "b": "2"}})

    patched = await served.ask(
        "PATCH", f"{OBJECTS}/one", json={"metadata": {"a": None}, "cacheControl": "no"}
    )
    assert (await patched.json())["metadata"] == {"b": "2"}
    assert (await patched.json())["contentType"] == "a/b"
    updated = await (await served.ask("PUT", f"{OBJECTS}/one", json={"cacheControl": "yes"})).json()
    assert updated["cacheControl"] == "yes"
    assert "metadata" not in updated
    assert updated["metageneration"] == "4"


async def test_a_page_may_end_at_a_folder(served):
    for name in ("a%2f1", "a%2f2", "b", "c%2f1", "d"):
        await served.put(name, b"x")

    first = await (await served.ask("GET", f"{OBJECTS}?delimiter=/&maxResults=1")).json()
    token = first["nextPageToken"]
    second = await (await served.ask("GET", f"{OBJECTS}?delimiter=/&maxResults=2&pageToken={token}")).json()

    assert first["prefixes"] == ["a/"]
    assert ([item["name"] for item in second["items"]], second["prefixes"]) == (["b"], ["c/"])
