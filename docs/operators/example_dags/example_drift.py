"""Tell by asset events what monitoring has found, and let another DAG begin."""

from __future__ import annotations

import os

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset
from vertex_mlops.operators.monitoring.drift import EmitModelDriftOperator

DRIFT = Asset(name="example_drift", uri="x-vertex-ai://example/drift")

with DAG(dag_id="example_drift", schedule="20 * * * *", catchup=False, max_active_runs=1):
    EmitModelDriftOperator(
        task_id="detect_drift",
        project_id=os.environ["WINE_PROJECT"],
        region=os.environ["WINE_REGION"],
        labels={"wine": "example"},
        asset=DRIFT,
    )

with DAG(dag_id="example_after_drift", schedule=[DRIFT]):
    BashOperator(
        task_id="tell",
        bash_command="echo '{{ (triggering_asset_events.values() | first | first).extra.window_end }}'",
    )
