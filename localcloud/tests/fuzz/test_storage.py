"""Cloud Storage accepts any request, or answers with a client error."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from tests.fuzz import discovery, odd
from tests.fuzz.checks import BUDGET, check, search
from tests.fuzz.services import BUCKET, Services, routes_of

API = "storage.v1"
B = "/storage/v1/b/{bucket}"
ONE = B + "/o/{object}"
COPY = ONE + "/{verb}/b/{to_bucket}/o/{to_object}"
UPLOAD = "/upload" + B + "/o"
ROUTES = {
    ("POST", "/storage/v1/b"): "storage.buckets.insert",
    ("GET", "/storage/v1/b"): "storage.buckets.list",
    ("GET", B): "storage.buckets.get",
    ("PATCH", B): "storage.buckets.patch",
    ("PUT", B): "storage.buckets.update",
    ("DELETE", B): "storage.buckets.delete",
    ("GET", B + "/storageLayout"): "storage.buckets.getStorageLayout",
    ("GET", B + "/o"): "storage.objects.list",
    ("GET", ONE): "storage.objects.get",
    ("PATCH", ONE): "storage.objects.patch",
    ("PUT", ONE): "storage.objects.update",
    ("DELETE", ONE): "storage.objects.delete",
    ("POST", ONE + "/compose"): "storage.objects.compose",
    ("POST", COPY): "storage.objects.rewrite",
    ("POST", ONE + "/moveTo/o/{to_object}"): "storage.objects.move",
    ("GET", "/download" + ONE): "storage.objects.get",
    ("GET", "/{bucket}/{object}"): "storage.objects.get",
}
UPLOADS = {(verb, UPLOAD): "storage.objects.insert" for verb in ("POST", "PUT", "DELETE")}
BATCHES = {("POST", "/batch/storage/v1"): "storage.batch", ("POST", "/batch"): "storage.batch"}
NAMES = {
    "bucket": BUCKET,
    "object": "kept",
    "verb": "rewriteTo",
    "to_bucket": BUCKET,
    "to_object": "copied",
}
OBJECT = {
    "name": "kept",
    "contentType": "text/plain",
    "metadata": {"wine": "white"},
    "md5Hash": "CY9rzUYh03PK3k6DJie09g==",
    "crc32c": "hqBywA==",
    "customTime": "2026-01-01T00:00:00Z",
}
BUCKET_FIELDS = {
    "labels": {"wine": "white"},
    "storageClass": "STANDARD",
    "versioning": {"enabled": False},
    "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
}
BODIES: dict[str, Any] = {
    "storage.buckets.insert": {"name": "made", "location": "EU"} | BUCKET_FIELDS,
    "storage.buckets.patch": BUCKET_FIELDS,
    "storage.buckets.update": BUCKET_FIELDS,
    "storage.objects.patch": OBJECT,
    "storage.objects.update": OBJECT,
    "storage.objects.rewrite": OBJECT,
    "storage.objects.compose": {
        "destination": OBJECT,
        "sourceObjects": [
            {"name": "kept", "generation": "1", "objectPreconditions": {"ifGenerationMatch": "1"}}
        ],
    },
}


@pytest.fixture(scope="session")
def storage(services: Services) -> Services:
    """Return Cloud Storage with an object."""
    path = f"{UPLOAD.format(bucket=BUCKET)}?uploadType=media&name=kept"
    assert services.ask("storage", "POST", path, b"wine").status == 200
    return services


def test_every_route_is_in_the_table(services: Services) -> None:
    assert routes_of(services.apps["storage"]) == {**ROUTES, **UPLOADS, **BATCHES}


@pytest.mark.parametrize(("verb", "path"), ROUTES, ids=[f"{verb} {path}" for verb, path in ROUTES])
def test_no_request_fails(verb: str, path: str, storage: Services) -> None:
    method = discovery.methods(API)[ROUTES[verb, path]]
    names = NAMES if verb != "DELETE" else {**NAMES, "object": "doomed", "bucket": "doomed"}
    valid = {"project": "local-project"} if "{bucket}" not in path else {}

    def ask(random: Random) -> None:
        url = path.format(**{key: odd.segment(random, name) for key, name in names.items()})
        url += odd.query(random, method.parameters, valid)
        body = b""
        if method.name in BODIES:
            typed = random.random() < 0.4
            of_type = "Bucket" if ".buckets." in method.name else "Object"
            of_type = "ComposeRequest" if method.name == "storage.objects.compose" else of_type
            made = discovery.instance(random, API, of_type) if typed else BODIES[method.name]
            body = odd.encoded(random, odd.mutated(random, made))
        headers = {"Range": random.choice(RANGES)} if random.random() < 0.5 else {}
        answer = storage.ask("storage", verb, url, body, headers)
        is_content = answer.status in (404, 416) and not answer.body.startswith(b"{")
        if not is_content:
            check(answer, verb, url, body, headers)

    search(ask)


RANGES = (
    "bytes=0-1",
    "bytes=-1",
    "bytes=9-",
    "bytes=1-0",
    "bytes=a-b",
    "bytes=0-1,2-3",
    "x",
    "bytes=" + "9" * 30,
)
HASHES = ("crc32c=hqBywA==", "md5=x", "crc32c", "=", "crc32c=AAAAAA==,md5=CY9rzUYh03PK3k6DJie09g==", "x=é")


def test_no_upload_fails(storage: Services) -> None:
    upload = UPLOAD.format(bucket=BUCKET)

    def ask(random: Random) -> None:
        kind = random.choice(("media", "multipart", "multipart", "resumable", "resumable", "x"))
        valid = {"uploadType": kind, "name": random.choice(("made", *odd.TEXTS))}
        parameters = discovery.methods(API)["storage.objects.insert"].parameters
        url = upload + odd.query(random, parameters, valid)
        resource = odd.encoded(random, odd.mutated(random, OBJECT))
        body = odd.multipart(random, resource, b"wine") if kind == "multipart" else resource
        headers: dict[str, Any] = {
            "Content-Type": odd.content_type(random, "multipart/related; boundary=b"),
            "X-Goog-Hash": random.choice(HASHES).encode(),
            "X-Upload-Content-Type": odd.content_type(random, "text/plain"),
        }
        answer = storage.ask("storage", "POST", url, body, headers)
        check(answer, url, body, headers)
        if "Location" in answer.headers:
            session = upload + "?" + answer.headers["Location"].partition("?")[2]
            verb = random.choice(("PUT", "PUT", "DELETE"))
            chunk = {"Content-Range": odd.content_range(random), "X-Goog-Hash": headers["X-Goog-Hash"]}
            sent = random.choice((b"", b"wine", b"\xff" * 300))
            check(storage.ask("storage", verb, session, sent, chunk), verb, sent, chunk)

    search(ask, times=4 * BUDGET)


@pytest.mark.parametrize("path", ["/batch", "/batch/storage/v1"])
def test_no_batch_fails(path: str, storage: Services) -> None:
    def ask(random: Random) -> None:
        target = ONE.format(bucket=odd.segment(random, BUCKET), object=odd.segment(random, "kept"))
        verb = random.choice(("GET", "PATCH", "PUT", "DELETE", "POST", "", "X"))
        resource = odd.encoded(random, odd.mutated(random, OBJECT))
        call = f"{verb} {target}{odd.query(random, ['generation', 'fields'], {})} HTTP/1.1\r\n\r\n".encode()
        head = random.choice((b"Content-Type: application/http", b"Content-Type: text/plain; charset=x", b""))
        head += b"\r\nContent-ID: " + random.choice((b"<a+1>", b"\xff", b"")) + b"\r\n\r\n"
        body = b"--b\r\n" + head + call + resource + b"\r\n--b--\r\n"
        kind = odd.content_type(random, "multipart/mixed; boundary=b")
        answer = storage.ask("storage", "POST", path, body, {"Content-Type": kind})
        check(answer, body, kind)
        if answer.status == 200:
            inside = json.dumps(answer.body.decode("latin-1"))
            assert "HTTP/1.1 500" not in inside

    search(ask, times=2 * BUDGET)
