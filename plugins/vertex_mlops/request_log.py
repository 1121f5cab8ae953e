"""Reads an endpoint's own log of requests and responses in BigQuery."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import Endpoint
    from google.cloud.bigquery import Client

_TABLE = "request_response_logging"


class LoggedRequests(NamedTuple):
    """
    What the log shows of one deployed model since a moment.

    :param requests: how many were logged.
    :param failed: how many of them have no response.
    :param slow: how many took longer than they may.
    """

    requests: int
    failed: int
    slow: int


def log_table(endpoint: Endpoint) -> str:
    """
    Name the table that an endpoint logs to: ``project.dataset.table``.

    Source: https://cloud.google.com/vertex-ai/docs/predictions/online-prediction-logging

    :param endpoint: whose logging is enabled.
    """
    uri = endpoint.predict_request_response_logging_config.bigquery_destination.output_uri
    project, *rest = uri.removeprefix("bq://").split(".")
    endpoint_id = endpoint.name.rpartition("/")[2]
    default = re.sub(r"\W", "_", f"logging_{endpoint.display_name}_{endpoint_id}")
    dataset, table = [*rest, *[default, _TABLE][len(rest) :]]
    return f"{project}.{dataset}.{table}"


def read_log(
    client: Client, table: str, deployed_model_id: str, since: datetime, max_latency_ms: float
) -> LoggedRequests:
    """
    Count the requests that a deployed model was sent.

    The latency is in the column ``metadata``, the schema of the log from its version v2 on.

    :param client: of BigQuery.
    :param table: ``project.dataset.table``.
    :param deployed_model_id: id of the model.
    :param since: only what was logged from then on.
    :param max_latency_ms: milliseconds above which a request is slow.
    """
    latency = "CAST(JSON_VALUE(metadata, '$.request_latency') AS FLOAT64)"
    query = (
        "SELECT COUNT(*) AS requests, COUNTIF(ARRAY_LENGTH(response_payload) = 0) AS failed,"  # noqa: S608
        f" COUNTIF({latency} > {max_latency_ms:f}) AS slow FROM `{table}`"
        f" WHERE deployed_model_id = '{deployed_model_id}'"
        f" AND logging_time >= TIMESTAMP('{since.isoformat()}')"
    )
    row: Any = next(iter(client.query(query).result()))
    return LoggedRequests(requests=row["requests"], failed=row["failed"], slow=row["slow"])
