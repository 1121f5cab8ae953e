"""Bodies and parameters are checked against the types of the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tools.bigquery_types import types

from localcloud.bigquery.api.request_types import PATH, check_query, read_body
from localcloud.errors import ApiError


def read(method: str, body: Any) -> dict[str, Any]:
    return read_body(f"bigquery.{method}", json.dumps(body).encode())


def test_the_types_are_those_of_googles_discovery_document() -> None:
    assert json.loads(PATH.read_text()) == types()


@pytest.mark.parametrize(
    ("method", "body", "message"),
    [
        ("datasets.insert", {"location": 5}, "'location' (TYPE_STRING), 5"),
        ("datasets.insert", {"labels": {"wine": True}}, "'labels.wine' (TYPE_STRING), true"),
        ("datasets.insert", {"datasetReference": "wine"}, "'datasetReference' (an object of type DatasetRef"),
        ("tables.insert", {"schema": {"fields": {}}}, "'schema.fields' (a list), {}"),
        (
            "tables.insert",
            {"schema": {"fields": [None]}},
            "'schema.fields' (an element of [TableFieldSchema])",
        ),
        ("tables.insert", {"expirationTime": "soon"}, "'expirationTime' (TYPE_INT64), \"soon\""),
        ("tables.insert", {"expirationTime": 2**63}, "'expirationTime' (TYPE_INT64)"),
        ("tabledata.insertAll", {"rows": [{"json": 5}]}, "'rows[0].json' (an object), 5"),
        ("jobs.query", {"maxResults": True}, "'maxResults' (TYPE_UINT32), true"),
        ("jobs.query", {"dryRun": "perhaps"}, "'dryRun' (TYPE_BOOLEAN)"),
        ("jobs.insert", {"configuration": {"query": []}}, "'configuration.query' (an object"),
    ],
)
def test_a_value_of_another_type_is_named(method: str, body: Any, message: str) -> None:
    with pytest.raises(ApiError) as raised:
        read(method, body)

    assert raised.value.code == 400
    assert raised.value.message.startswith(f"Invalid value at {message}")


@pytest.mark.parametrize("body", [b"[]", b"5", b"{", b"\xff", b'{"a": NaN}', b'{"a": 1e999}', b"[" * 100_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ApiError) as raised:
        read_body("bigquery.tables.insert", body)

    assert raised.value.code == 400


def test_numbers_may_be_text_and_booleans_words() -> None:
    body = {"configuration": {"load": {"skipLeadingRows": 1, "autodetect": "true", "maxBadRecords": "3"}}}

    assert read("jobs.insert", body)["configuration"]["load"]["autodetect"] is True


def test_null_stands_for_nothing_but_in_a_change() -> None:
    body = {"description": None, "schema": {"fields": [{"name": "a", "type": None}]}}

    assert read("tables.insert", body) == {"schema": {"fields": [{"name": "a"}]}}
    assert read("tables.patch", body) == {"description": None, "schema": {"fields": [{"name": "a"}]}}


@pytest.mark.parametrize(
    ("name", "value"), [("maxResults", "-1"), ("maxResults", "many"), ("startIndex", "1.5")]
)
def test_a_parameter_of_another_type_is_named(name: str, value: str) -> None:
    with pytest.raises(ApiError, match=f"Invalid value at '{name}'"):
        check_query("bigquery.tabledata.list", {name: value})


def test_an_empty_parameter_stands_for_none() -> None:
    check_query("bigquery.tabledata.list", {"maxResults": "", "formatOptions.useInt64Timestamp": "True"})
