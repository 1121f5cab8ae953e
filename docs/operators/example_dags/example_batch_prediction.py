"""Predict the rows of a table with the champion, and store the grades as a column."""

from __future__ import annotations

import os

from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator
from airflow.sdk import DAG
from vertex_mlops.contract.names import CHAMPION_ALIAS
from vertex_mlops.operators.batch_prediction.job import RunBatchPredictionJobOnceOperator

PROJECT, REGION = os.environ["WINE_PROJECT"], os.environ["WINE_REGION"]
# the model takes each feature as a list of one number, so each column is an array
INPUT = """
CREATE OR REPLACE TABLE example_predictions.input AS
SELECT id, [ph] AS ph, [alcohol] AS alcohol, quality FROM example_predictions.wines
"""
GRADES = """
CREATE OR REPLACE TABLE example_predictions.grades AS
SELECT id, quality, CAST(JSON_VALUE(prediction, '$.grade[0]') AS FLOAT64) AS grade
FROM `{{ ti.xcom_pull("predict")["table"] }}`
"""


def query(sql: str) -> dict[str, object]:
    """Return the configuration of a query job."""
    return {"query": {"query": sql, "useLegacySql": False}}


with DAG(
    dag_id="example_batch_prediction",
    schedule=None,
    default_args={"project_id": PROJECT, "retries": 2},
):
    prepare = BigQueryInsertJobOperator(task_id="prepare", configuration=query(INPUT), location=REGION)

    predict = RunBatchPredictionJobOnceOperator(
        task_id="predict",
        region=REGION,
        model_name=f"wine-batch@{CHAMPION_ALIAS}",
        bigquery_source=f"bq://{PROJECT}.example_predictions.input",
        bigquery_destination_prefix=f"bq://{PROJECT}.example_predictions",
        excluded_fields=["id", "quality"],
        poll_interval=15,
    )

    store = BigQueryInsertJobOperator(task_id="store", configuration=query(GRADES), location=REGION)

    prepare >> predict >> store
