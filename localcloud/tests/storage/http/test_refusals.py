"""Features that localcloud lacks, and requests that the service rejects."""

from __future__ import annotations

import pytest
from tests.storage.served import OBJECTS, UPLOAD

BATCH = {"Content-Type": "multipart/mixed; boundary=x"}
PARAMETERS = [
    "predefinedAcl=publicRead",
    "predefinedDefaultObjectAcl=authenticatedRead",
    "destinationPredefinedAcl=publicRead",
    "kmsKeyName=projects/p/locations/l/keyRings/r/cryptoKeys/k",
    "destinationKmsKeyName=k",
    "softDeleted=true",
    "enableObjectRetention=true",
]
HEADERS = [
    "X-Goog-Encryption-Key",
    "x-goog-encryption-algorithm",
    "X-Goog-Copy-Source-Encryption-Key-Sha256",
    "X-Goog-If-Generation-Match",
    "If-Range",
]


async def in_a_batch(served, target: str, head: bytes = b"", body: bytes = b"") -> str:
    """Send a batch of one call and give its answer."""
    part = b"Content-Type: application/http\r\nContent-ID: <a>\r\n\r\n" + target.encode() + b" HTTP/1.1\r\n"
    sent = b"--x\r\n" + part + head + b"\r\n\r\n" + body + b"\r\n--x--\r\n"
    answer = await served.ask("POST", "/batch/storage/v1", data=sent, headers=BATCH)
    assert answer.status == 200
    return await answer.text()


@pytest.mark.parametrize("parameter", PARAMETERS)
async def test_a_parameter_that_would_be_ignored_is_refused(served, parameter):
    await served.put("one", b"x")
    name = parameter.partition("=")[0]

    answers = [
        await served.put(f"two&{parameter}", b"x"),
        await served.ask("POST", f"{UPLOAD}?uploadType=resumable&name=two&{parameter}"),
        await served.ask("GET", f"{OBJECTS}/one?{parameter}"),
        await served.ask("POST", f"{OBJECTS}/one/rewriteTo/b/wine/o/two?{parameter}"),
        await served.ask("POST", f"/storage/v1/b?project=local-project&{parameter}", json={"name": "beer"}),
        await served.ask("GET", f"/storage/v1/b?project=local-project&{parameter}"),
    ]

    assert [answer.status for answer in answers] == [501] * len(answers)
    assert f"the parameter {name}" in (await answers[0].json())["error"]["message"]
    assert f"the parameter {name}" in await in_a_batch(served, f"GET {OBJECTS}/one?{parameter}")
    assert await served.names() == ["one"]


async def test_a_parameter_that_asks_for_nothing_is_taken(served):
    assert (await served.put("one&predefinedAcl=", b"x")).status == 200
    assert (await served.ask("GET", f"{OBJECTS}/one?softDeleted=false")).status == 200


@pytest.mark.parametrize("header", HEADERS)
async def test_a_header_that_would_be_ignored_is_refused(served, header):
    await served.put("one", b"x")

    answer = await served.ask("GET", f"{OBJECTS}/one?alt=media", headers={header: "x"})

    assert answer.status == 501
    assert f"the header {header}" in (await answer.json())["error"]["message"]
    assert f"the header {header}" in await in_a_batch(served, f"GET {OBJECTS}/one", f"{header}: x".encode())


async def test_content_in_a_batch_is_refused(served):
    await served.put("one", b"x")

    assert "alt=media in a batch" in await in_a_batch(served, f"GET {OBJECTS}/one?alt=media")


@pytest.mark.parametrize(
    ("time", "status"),
    [
        ("2026-11-30T08:00:00Z", 200),
        ("2026-11-30T08:00:00.123456789+01:00", 200),
        (None, 200),
        ("rubbish", 400),
        ("2026-11-30", 400),
        ("2026-02-30T08:00:00Z", 400),
        (5, 400),
    ],
)
async def test_a_custom_time_is_a_timestamp(served, time, status):
    await served.put("one", b"x")

    assert (await served.ask("PATCH", f"{OBJECTS}/one", json={"customTime": time})).status == status


async def test_custom_metadata_is_small(served):
    await served.put("one", b"x")

    for key, status in (("a", 200), ("b", 400)):
        answer = await served.ask("PATCH", f"{OBJECTS}/one", json={"metadata": {key: "v" * 8191}})
        assert answer.status == status


@pytest.mark.parametrize(
    "name",
    ["a" * 64, "a." + "b" * 64, "192.168.5.4", "goog-wine", "my-google-wine", "g00gle"],
)
async def test_a_bucket_that_the_service_would_not_make_is_refused(served, name):
    answer = await served.ask("POST", "/storage/v1/b?project=local-project", json={"name": name})

    assert answer.status == 400
    assert "Invalid bucket name" in (await answer.json())["error"]["message"]


@pytest.mark.parametrize("name", ["a" * 63, ".".join(["b" * 63] * 3), "1.2.3", "gogo"])
async def test_a_bucket_that_the_service_would_make_is_made(served, name):
    answer = await served.ask("POST", "/storage/v1/b?project=local-project", json={"name": name})

    assert answer.status == 200


@pytest.mark.parametrize("path", [f"{OBJECTS}/%ff", f"{OBJECTS}?prefix=%ff", "/wine/a%c3"])
async def test_an_address_that_is_not_utf_8_is_refused(served, path):
    assert (await served.ask("GET", path)).status == 400
    assert "HTTP/1.1 400" in await in_a_batch(served, f"GET {OBJECTS}/%ff")
    assert (await served.put("%ff", b"x")).status == 400
    assert await served.names() == []


@pytest.mark.parametrize(
    "part",
    [
        b"Content-Type: message/rfc822\r\n\r\nFrom: a\r\n\r\nhi",
        b"Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n--y--",
        b"Content-Type: application/http\r\nContent-ID: <\xff\xfe>\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
        b"Content-Type: application/http\r\nContent-ID: <=?utf-8?q?=0D=0Aa:b?=>\r\n\r\nGET /x HTTP/1.1\r\n",
    ],
)
async def test_a_part_that_cannot_be_read_is_one_answer_of_its_batch(served, part):
    sent = b"--x\r\n" + part + b"\r\n--x--\r\n"

    answer = await served.ask("POST", "/batch/storage/v1", data=sent, headers=BATCH)

    assert answer.status == 200
    text = await answer.text()
    assert text.count("Content-ID: <response-") == text.count("HTTP/1.1 ") == 1
    assert "\r\na:b" not in text


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"{OBJECTS}/one"),
        ("DELETE", f"{OBJECTS}/one"),
        ("POST", f"{OBJECTS}/one/rewriteTo/b/wine/o/two"),
        ("GET", OBJECTS),
        ("GET", "/storage/v1/b?project=local-project"),
    ],
)
async def test_an_etag_is_compared_in_reads_alone(served, method, path, header):
    await served.put("one", b"x")

    answer = await served.ask(method, path, headers={header: "x"})

    assert answer.status == 501
    assert f"the header {header}" in (await answer.json())["error"]["message"]
    assert f"the header {header}" in await in_a_batch(served, f"GET {OBJECTS}/one", f"{header}: x".encode())
    assert await served.names() == ["one"]
