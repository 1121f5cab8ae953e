"""BigQuery accepts any request, or answers with a client error."""

from __future__ import annotations

import gzip
import io
import json
from random import Random
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.fuzz import discovery, odd
from tests.fuzz.bigquery_requests import (
    BODIES,
    JOBS,
    LOAD,
    QUERY,
    ROUTES,
    UPLOADS,
    V2,
    U,
    seed_bigquery,
)
from tests.fuzz.checks import BUDGET, check, search
from tests.fuzz.services import Answer, Services, routes_of

API = "bigquery.v2"
UPLOAD = U.format(project="local-project")
NAMES = {"project": "local-project", "dataset": "fuzz", "table": "wine", "policy": "all", "job": "asked"}
# deleted resources are not those that other requests change
DOOMED = {**NAMES, "dataset": "doomed", "table": "doomed", "job": "doomed"}
FORMATS = ("CSV", "NEWLINE_DELIMITED_JSON", "AVRO", "PARQUET", "ORC", "x")


def _files() -> tuple[bytes, ...]:
    table, parquet, avro = pa.table({"a": [1, 2]}), io.BytesIO(), io.BytesIO()
    pq.write_table(table, parquet)
    schema = {"type": "record", "name": "r", "fields": [{"name": "a", "type": "long"}]}
    fastavro.writer(avro, schema, [{"a": 1}])
    text = (b"a\n1\n2\n", b'{"a": 1}\n{"a": null}\n', b'"x","y"\n"1', b'{"a": [1]}\n[]\n5\n{"a": NaN}')
    return (*text, gzip.compress(text[0], mtime=0), parquet.getvalue(), avro.getvalue(), b"")


FILES = _files()


@pytest.fixture(scope="session")
def warehouse(services: Services) -> Services:
    """Return BigQuery with a table and a finished query."""
    seed_bigquery(services)
    job = {"jobReference": {"jobId": "asked"}, "configuration": {"query": QUERY}}
    answer = services.ask("bigquery", "POST", f"{V2}/jobs", json.dumps(job).encode())
    assert answer.json()["status"] == {"state": "DONE"}
    return services


def test_every_route_is_in_the_table(services: Services) -> None:
    assert routes_of(services.apps["bigquery"]) == {**ROUTES, **UPLOADS}


@pytest.mark.parametrize(
    ("verb", "path"), ROUTES, ids=[f"{verb}-{name}" for (verb, _), name in ROUTES.items()]
)
def test_no_request_fails(verb: str, path: str, warehouse: Services) -> None:
    method = discovery.methods(API)[ROUTES[verb, path]]
    names = DOOMED if verb == "DELETE" else NAMES
    seed_bigquery(warehouse)

    def ask(random: Random) -> None:
        url = path.format(**{key: odd.segment(random, name) for key, name in names.items()})
        url += odd.query(random, method.parameters, {})
        body = b""
        if method.request:
            made = BODIES[method.name]
            typed = random.random() < 0.4
            valid = discovery.instance(random, API, method.request) if typed else random.choice(made)
            body = odd.encoded(random, odd.mutated(random, valid))
        headers: dict[str, Any] = {"If-Match": "x"} if random.random() < 0.05 else {}
        headers["Content-Type"] = odd.content_type(random, "application/json")
        check(warehouse.ask("bigquery", verb, url, body, headers), verb, url, body, headers)

    search(ask)


def test_no_job_fails_inside(warehouse: Services) -> None:
    """Check jobs, too: one that fails by a defect of localcloud returns no 500."""

    def ask(random: Random) -> None:
        body = odd.mutated(random, random.choice(JOBS))
        answer = warehouse.ask("bigquery", "POST", f"{V2}/jobs", json.dumps(body).encode())
        check(answer, body)
        check_job(answer)

    search(ask, times=5 * BUDGET)


def check_job(answer: Answer) -> None:
    """Check that the error of a job is the caller's."""
    if answer.status == 200 and answer.body:
        assert answer.json()["status"].get("errorResult", {}).get("reason") != "internalError"


def test_no_upload_fails(warehouse: Services) -> None:
    def ask(random: Random) -> None:
        load = {**LOAD, "sourceFormat": random.choice(FORMATS), "autodetect": random.random() < 0.5}
        job = odd.encoded(random, odd.mutated(random, {"configuration": {"load": load}}))
        kind = random.choice(("multipart", "multipart", "multipart", "resumable", "x"))
        url = UPLOAD + odd.query(random, ["upload_id", "uploadType"], {"uploadType": kind})
        content = odd.broken(random, random.choice(FILES))
        body = odd.multipart(random, job, content) if kind == "multipart" else job
        headers = {"Content-Type": odd.content_type(random, "multipart/related; boundary=b")}
        answer = warehouse.ask("bigquery", "POST", url, body, headers)
        check(answer, url, body, headers)
        if "Location" in answer.headers:
            session = UPLOAD + "?" + answer.headers["Location"].partition("?")[2]
            chunk = {"Content-Range": odd.content_range(random)} if random.random() < 0.5 else {}
            answer = warehouse.ask("bigquery", "PUT", session, content, chunk)
            check(answer, job, content, chunk)
        check_job(answer)

    search(ask, times=3 * BUDGET)
