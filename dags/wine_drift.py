"""One DAG that looks at what monitoring has found, and lets the retraining of a wine that drifted begin."""

from __future__ import annotations

from airflow.sdk import DAG
from vertex_mlops.operators.drift import EmitModelDriftOperator
from vertex_mlops.run_conf import refuse_unknown_conf
from wine_config import load_wines
from wine_steps import default_args, doc, drift_asset

wines = load_wines()

with DAG(
    dag_id="wine_drift",
    description="Tell which wines are asked about that are unlike those that the model learned from",
    doc_md=doc("wine_drift"),
    schedule=wines[0].drift_schedule,
    catchup=False,
    max_active_runs=1,
    default_args=default_args(wines[0]),
    owner_links={wines[0].owner: wines[0].owner_link},
    tags=["wine", *(wine.name for wine in wines), "vertex-ai"],
):
    # no task waits for another: what is wrong with one wine stops none of the others
    for wine in wines:
        EmitModelDriftOperator(
            task_id=f"look_{wine.name}",
            pre_execute=refuse_unknown_conf,
            doc_md=doc("look"),
            project_id=wine.project,
            region=wine.region,
            labels=wine.training_labels,
            asset=drift_asset(wine),
        )
