"""What is served in addition to the three services: tokens, pages, and unknown hosts."""

from __future__ import annotations

import json
from random import Random
from urllib.parse import urlencode

from tests.fuzz import odd
from tests.fuzz.checks import BUDGET, check, search
from tests.fuzz.services import BUCKET, Services, routes_of
from tests.fuzz.vertex_requests import MODEL, seed_vertex

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTIONS = (
    "",
    "x",
    "a.b.c",
    "e30.e30.e30",
    "bnVsbA.bnVsbA.bnVsbA",
    "W10.W10.W10",
    "é",
    "\x00",
    "..",
    "=.=.=",
)
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data")
JOB = "/{product}/locations/{region}/pipelines/runs/{id}"
PAGES = (
    *("/", "/{product}/pipelines/runs", JOB, JOB + "/tasks/{task}/log", "/{product}/endpoints"),
    *("/{product}/locations/{region}/endpoints/{id}", "/{product}/models", "/{product}/model-monitoring"),
    "/{product}/models/locations/{region}/models/{id}/versions/{version}/properties",
    "/{product}/locations/{region}/model-deployment-monitoring/{id}",
    *("/{product}/batch-predictions", "/{product}/locations/{region}/batch-predictions/{id}"),
    *("/bigquery", "/storage.cloud.google.com/{bucket}/{name}", "/static"),
)
PARTS = {
    "product": "vertex-ai",
    "region": "europe-west1",
    "task": "a",
    "version": "1",
    "bucket": BUCKET,
    "name": "kept",
}
# of a model, and of every other resource
IDS = (MODEL.rpartition("/")[2], "1")


def test_no_form_fails(services: Services) -> None:
    """Check the form of errors: https://www.rfc-editor.org/rfc/rfc6749#section-5.2."""

    def ask(random: Random) -> None:
        form = {"grant_type": random.choice((GRANT, GRANT, "x")), "assertion": random.choice(ASSERTIONS)}
        kind = random.choice((*FORMS, FORMS[0], *odd.CONTENT_TYPES)).encode()
        body = random.choice(
            (urlencode(form).encode(), odd.multipart(random, b"{}"), *odd.BODIES, b"%ff=%&&==")
        )
        answer = services.ask("oauth", "POST", "/token", body, {"Content-Type": kind})
        assert answer.status == 400, (body, kind)
        assert answer.json()["error"]

    search(ask, times=5 * BUDGET)
    assert routes_of(services.apps["oauth"]).keys() == {("POST", "/token")}


def test_no_page_fails(services: Services) -> None:
    """Check that errors of pages are pages, too."""
    seed_vertex(services)

    def ask(random: Random) -> None:
        parts = PARTS | {"id": random.choice(IDS)}
        path = random.choice(PAGES).format(**{key: odd.segment(random, part) for key, part in parts.items()})
        path += odd.query(random, ["project", "page", "d", "t", "j", "p"], {})
        answer = services.ask("console", "GET", path, b"", {"Accept": "text/html"})
        assert answer.status < 500, (path, answer)

    search(ask, times=10 * BUDGET)
    assert {path for _, path in routes_of(services.apps["console"])} == set(PAGES)


def test_nothing_unserved_fails(services: Services) -> None:
    def ask(random: Random) -> None:
        verb = random.choice(("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
        service = random.choice(("unserved", "bigquery", "storage", "oauth"))
        path = "/nothing/" + odd.segment(random, "x")
        answer = services.ask(service, verb, path, json.dumps(odd.value(random)).encode())
        is_object = service == "storage" and verb == "GET"
        if not is_object:
            check(answer, verb, path)

    search(ask, times=2 * BUDGET)
