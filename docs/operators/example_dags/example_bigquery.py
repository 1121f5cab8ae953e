"""Train only on a table that has changed since, and only if its rows keep the contract of the pipeline."""

# Airflow puts XComs and DAG params in place of arguments at run time
# mypy: disable-error-code="arg-type, index"

from __future__ import annotations

import os

from airflow.sdk import DAG, Param
from vertex_mlops.contract.names import DATA_VERSION_LABEL, ROW_COUNT_LABEL
from vertex_mlops.operators.bigquery.contract import BigQueryDataContractCheckOperator
from vertex_mlops.operators.bigquery.unseen_data import BigQueryTableFreshnessOperator
from vertex_mlops.operators.pipeline.job import RunPipelineJobOnceOperator

PROJECT, REGION, BUCKET = (os.environ[f"WINE_{name}"] for name in ("PROJECT", "REGION", "BUCKET"))
TABLE = {"dataset_id": "example", "table_id": "wines"}
LABELS = {"table": "example-wines"}

with DAG(
    dag_id="example_bigquery",
    schedule=None,
    default_args={"project_id": PROJECT, "region": REGION, "multiple_outputs": True, "retries": 2},
    params={"force": Param(False, type="boolean", description="Train although nothing has changed")},
) as dag:
    check_freshness = BigQueryTableFreshnessOperator(
        task_id="check_freshness",
        pipeline_job_labels=LABELS,
        force=dag.param("force"),
        **TABLE,
    )

    check_data = BigQueryDataContractCheckOperator(
        task_id="check_data",
        data_version=check_freshness.output["data_version"],
        template_path=f"gs://{BUCKET}/specs/example.json",
        last_trained_rows=check_freshness.output["last_trained_rows"],
        force=dag.param("force"),
        **TABLE,
    )

    train = RunPipelineJobOnceOperator(
        task_id="train",
        display_name="example",
        template_path=check_data.output["template_path"],
        pipeline_root=f"gs://{BUCKET}/pipelines",
        parameter_values={"input_config": check_data.output["input_config"]},
        labels=LABELS
        | {
            DATA_VERSION_LABEL: check_freshness.output["data_version"],
            ROW_COUNT_LABEL: check_data.output["rows"],
        },
        deferrable=True,
        poll_interval=2,
    )

    check_freshness >> check_data >> train
