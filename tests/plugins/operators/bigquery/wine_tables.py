"""Tables of wines for the operators to look at, and trainings that have learned from them."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from google.cloud import bigquery
from vertex_mlops.operators.bigquery.contract import BigQueryDataContractCheckOperator
from vertex_mlops.operators.bigquery.unseen_data import BigQueryTableFreshnessOperator
from vertex_mlops.operators.pipeline.job import RunPipelineJobOnceOperator

from localcloud.testing import Cloud
from tests.plugins.runs.pipelines import pipeline, step
from tests.support.task_context import Upload, context_of

DATASET = "plugins"
SCHEMA = [
    bigquery.SchemaField("ph", "FLOAT"),
    bigquery.SchemaField("alcohol", "FLOAT"),
    bigquery.SchemaField("quality", "INTEGER"),
]
SOUND = {"ph": 3.5, "alcohol": 13.8, "quality": 6}
Row = dict[str, Any]
MakeTable = Callable[..., str]


def connect(cloud: Cloud) -> bigquery.Client:
    """Return a client of a project with a data set for the tables."""
    client = bigquery.Client(project=cloud.settings.project)
    client.create_dataset(DATASET, exists_ok=True)
    return client


def maker(client: bigquery.Client) -> MakeTable:
    """Return a function that makes a table with the given rows and returns its id."""

    def make(*rows: Row, schema: list[bigquery.SchemaField] = SCHEMA, **layout: Any) -> str:
        table_id = f"wine_{uuid.uuid4().hex}"
        table = bigquery.Table(f"{client.project}.{DATASET}.{table_id}", schema)
        for name, value in layout.items():
            setattr(table, name, value)
        client.create_table(table)
        append(client, table_id, *rows)
        return table_id

    return make


def append(client: bigquery.Client, table_id: str, *rows: Row) -> None:
    for row in rows:
        columns = ", ".join(f"`{name}`" for name in row)
        values = ", ".join(_literal(value) for value in row.values())
        client.query_and_wait(f"INSERT INTO `{DATASET}.{table_id}` ({columns}) VALUES ({values})")


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return str(value) if math.isfinite(value) else f"CAST('{value}' AS FLOAT64)"


def freshness(place: dict[str, str], table_id: str, **changes: Any) -> BigQueryTableFreshnessOperator:
    """Return the operator in a DAG, with two tasks after it."""
    with DAG("freshness", schedule=None):
        operator = BigQueryTableFreshnessOperator(
            task_id="check_freshness",
            dataset_id=DATASET,
            table_id=table_id,
            pipeline_job_labels={"wine": "white", "table": table_id},
            **place,
            **changes,
        )
        operator >> EmptyOperator(task_id="next") >> EmptyOperator(task_id="last")
    return operator


def train_on(
    place: dict[str, str],
    upload: Upload,
    table_id: str,
    version: int,
    *statements: str,
    run_id: str | None = None,
    row_count: str | None = None,
) -> None:
    """Leave a finished pipeline job behind that has learned from one version of a table."""
    operator = RunPipelineJobOnceOperator(
        task_id="train",
        display_name="wine",
        template_path=upload(pipeline(step("Only", *(statements or ("pass",))))),
        pipeline_root="gs://plugins/root",
        parameter_values={"input_config": "{}"},
        labels={"wine": "white", "table": table_id, "data_version": str(version)}
        | ({"row_count": row_count} if row_count is not None else {}),
        poll_interval=0.2,
        **place,
    )
    context = context_of(operator, run_id)
    context["ti"].dag_id = "freshness"
    operator.execute(context)


def modified(client: bigquery.Client, table_id: str) -> int:
    """Return when the table was modified last, in milliseconds since the epoch."""
    table = client.get_table(f"{client.project}.{DATASET}.{table_id}")
    return round(table.modified.timestamp() * 1000)


def check(
    client: bigquery.Client,
    spec_uri: str,
    table_id: str,
    version: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Check a table against the contract, as the last change left it or as it was."""
    operator = BigQueryDataContractCheckOperator(
        task_id="check_data",
        project_id=client.project,
        dataset_id=DATASET,
        table_id=table_id,
        data_version=version or modified(client, table_id),
        template_path=spec_uri,
        **more,
    )
    return operator.execute(context_of(operator))
