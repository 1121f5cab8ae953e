"""Airflow's links lead to the pages."""

from __future__ import annotations

import pytest
from tests.console import links

pytest.importorskip("airflow.providers.google", reason="Airflow's Google provider is not installed")

from airflow.providers.google.cloud.links import bigquery, vertex_ai


@pytest.mark.parametrize(
    ("link", "airflow"),
    [
        (links.TABLE, bigquery.BIGQUERY_TABLE_LINK),
        (links.DATASET, bigquery.BIGQUERY_DATASET_LINK),
        (links.QUERY_JOB, bigquery.BIGQUERY_JOB_DETAIL_LINK),
        (links.PIPELINE_JOB, vertex_ai.VERTEX_AI_PIPELINE_JOB_LINK),
        (links.BATCH_PREDICTION_JOB, vertex_ai.VERTEX_AI_BATCH_PREDICTION_JOB_LINK),
        (links.ENDPOINT, vertex_ai.VERTEX_AI_ENDPOINT_LINK),
        (links.MODEL, vertex_ai.VERTEX_AI_MODEL_LINK),
    ],
)
def test_a_page_is_where_airflow_links_to(link: str, airflow: str) -> None:
    assert airflow.removeprefix("https://console.cloud.google.com") == link
