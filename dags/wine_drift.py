"""One DAG that checks the monitoring results, and starts the retraining of a wine that has drifted."""

from __future__ import annotations

from airflow.sdk import DAG
from vertex_mlops.operators.monitoring.drift import EmitModelDriftOperator
from vertex_mlops.runs.run_conf import refuse_unknown_conf
from wine_config import load_wines
from wine_steps import default_args, doc, drift_asset

wines = load_wines()

with DAG(
    dag_id="wine_drift",
    description="Report wines whose requests drift from the training data, and start their retraining",
    doc_md=doc("wine_drift"),
    schedule=wines[0].drift_schedule,
    catchup=False,
    max_active_runs=1,
    default_args=default_args(wines[0]),
    owner_links={wines[0].owner: wines[0].owner_link},
    tags=["wine", *(wine.name for wine in wines), "vertex-ai"],
):
    # independent tasks: a failure for one wine does not affect the others
    for wine in wines:
        EmitModelDriftOperator(
            task_id=f"detect_drift_{wine.name}",
            pre_execute=refuse_unknown_conf,
            doc_md=doc("detect_drift"),
            labels=wine.training_labels,
            asset=drift_asset(wine),
        )
