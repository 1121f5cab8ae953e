"""The routes of BigQuery, valid requests for the fuzzer to mutate, and what they name."""

from __future__ import annotations

import json
from typing import Any

from tests.fuzz.services import Services

P = "/bigquery/v2/projects/{project}"
V2 = P.format(project="local-project")
D = P + "/datasets/{dataset}"
T = D + "/tables/{table}"
U = "/upload" + P + "/jobs"
R = "/resumable" + U
ROUTES = {
    ("GET", P + "/datasets"): "bigquery.datasets.list",
    ("POST", P + "/datasets"): "bigquery.datasets.insert",
    ("GET", D): "bigquery.datasets.get",
    ("PATCH", D): "bigquery.datasets.patch",
    ("PUT", D): "bigquery.datasets.update",
    ("DELETE", D): "bigquery.datasets.delete",
    ("GET", D + "/tables"): "bigquery.tables.list",
    ("POST", D + "/tables"): "bigquery.tables.insert",
    ("GET", T): "bigquery.tables.get",
    ("PATCH", T): "bigquery.tables.patch",
    ("PUT", T): "bigquery.tables.update",
    ("DELETE", T): "bigquery.tables.delete",
    ("GET", T + "/data"): "bigquery.tabledata.list",
    ("POST", T + "/insertAll"): "bigquery.tabledata.insertAll",
    ("GET", T + "/rowAccessPolicies"): "bigquery.rowAccessPolicies.list",
    ("POST", T + "/rowAccessPolicies"): "bigquery.rowAccessPolicies.insert",
    ("DELETE", T + "/rowAccessPolicies/{policy}"): "bigquery.rowAccessPolicies.delete",
    ("GET", P + "/jobs"): "bigquery.jobs.list",
    ("POST", P + "/jobs"): "bigquery.jobs.insert",
    ("GET", P + "/jobs/{job}"): "bigquery.jobs.get",
    ("POST", P + "/jobs/{job}/cancel"): "bigquery.jobs.cancel",
    ("DELETE", P + "/jobs/{job}/delete"): "bigquery.jobs.delete",
    ("POST", P + "/queries"): "bigquery.jobs.query",
    ("GET", P + "/queries/{job}"): "bigquery.jobs.getQueryResults",
}
UPLOADS = {(verb, path): "bigquery.jobs.insert" for verb in ("POST", "PUT") for path in (U, R)}

COLUMNS = [
    {"name": name.lower(), "type": name}
    for name in (
        "INTEGER",
        "FLOAT",
        "BOOLEAN",
        "STRING",
        "BYTES",
        "TIMESTAMP",
        "DATETIME",
        "DATE",
        "TIME",
        "NUMERIC",
    )
] + [{"name": "many", "type": "INTEGER", "mode": "REPEATED"}]
ROW = {"integer": 1, "float": 0.5, "string": "x", "timestamp": 1.5, "date": "2026-01-01", "many": [1, 2]}
TABLE = {
    "tableReference": {"projectId": "local-project", "datasetId": "fuzz", "tableId": "made"},
    "schema": {"fields": COLUMNS},
    "labels": {"wine": "white"},
    "description": "wines",
    "expirationTime": "4102444800000",
    "timePartitioning": {"type": "DAY", "field": "date"},
    "clustering": {"fields": ["string"]},
}
VIEW = {
    "tableReference": {"tableId": "seen"},
    "view": {"query": "SELECT integer FROM fuzz.wine", "useLegacySql": False},
}
DATASET = {
    "datasetReference": {"projectId": "local-project", "datasetId": "made"},
    "location": "EU",
    "labels": {"wine": "white"},
    "defaultTableExpirationMs": "3600000",
    "maxTimeTravelHours": "48",
}
PARAMETER = {"name": "p", "parameterType": {"type": "INT64"}, "parameterValue": {"value": "1"}}
MANY = {
    "name": "q",
    "parameterType": {"type": "ARRAY", "arrayType": {"type": "STRING"}},
    "parameterValue": {"arrayValues": [{"value": "a"}]},
}
QUERY = {
    "query": "SELECT integer, many FROM wine WHERE integer = @p OR string IN UNNEST(@q)",
    "useLegacySql": False,
    "parameterMode": "NAMED",
    "queryParameters": [PARAMETER, MANY],
    "defaultDataset": {"projectId": "local-project", "datasetId": "fuzz"},
}
TARGET = {"projectId": "local-project", "datasetId": "fuzz", "tableId": "target"}
LOAD = {
    "destinationTable": TARGET,
    "schema": {"fields": [{"name": "a", "type": "INT64"}]},
    "sourceFormat": "CSV",
    "sourceUris": ["gs://wine/a.csv"],
    "skipLeadingRows": 1,
    "writeDisposition": "WRITE_TRUNCATE",
}
JOBS: list[Any] = [
    {"configuration": {"query": {**QUERY, "destinationTable": TARGET, "writeDisposition": "WRITE_TRUNCATE"}}},
    {"configuration": {"query": QUERY, "dryRun": True}, "jobReference": {"jobId": "dry", "location": "EU"}},
    {"configuration": {"load": LOAD, "labels": {"wine": "white"}}},
    {
        "configuration": {
            "extract": {"sourceTable": {**TARGET, "tableId": "wine"}, "destinationUris": ["gs://wine/x"]}
        }
    },
    {
        "configuration": {
            "copy": {
                "operationType": "SNAPSHOT",
                "sourceTable": {**TARGET, "tableId": "wine"},
                "destinationTable": {**TARGET, "tableId": "snapshot"},
            }
        }
    },
]
BODIES: dict[str, list[Any]] = {
    "bigquery.datasets.insert": [DATASET],
    "bigquery.datasets.patch": [DATASET],
    "bigquery.datasets.update": [DATASET],
    "bigquery.tables.insert": [TABLE, VIEW],
    "bigquery.tables.patch": [{"schema": {"fields": COLUMNS}, "labels": {"a": "b"}, "etag": "x"}],
    "bigquery.tables.update": [{"schema": {"fields": COLUMNS}, "description": "x"}],
    "bigquery.tabledata.insertAll": [
        {"rows": [{"insertId": "1", "json": ROW}, {"json": ROW}], "skipInvalidRows": True}
    ],
    "bigquery.rowAccessPolicies.insert": [
        {"rowAccessPolicyReference": {"policyId": "all"}, "filterPredicate": "TRUE"}
    ],
    "bigquery.jobs.insert": JOBS,
    "bigquery.jobs.query": [{**QUERY, "maxResults": 5, "formatOptions": {"useInt64Timestamp": True}}],
}


def seed_bigquery(services: Services) -> None:
    """Recreate what a request needs, whatever earlier ones have changed."""
    for table in ("wine", "snapshot"):
        services.ask("bigquery", "DELETE", f"{V2}/datasets/fuzz/tables/{table}")
    for path, body in (
        ("/datasets", {**DATASET, "datasetReference": {"datasetId": "fuzz"}}),
        ("/datasets/fuzz/tables", {"tableReference": {"tableId": "wine"}, "schema": {"fields": COLUMNS}}),
        ("/datasets/fuzz/tables/wine/insertAll", {"rows": [{"json": ROW}]}),
    ):
        services.ask("bigquery", "POST", f"{V2}{path}", json.dumps(body).encode())
