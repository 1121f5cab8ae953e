"""Run a compiled pipeline once for each DAG run, and cancel it when the run ends without it."""

from __future__ import annotations

import os

from airflow.sdk import DAG, task
from vertex_mlops.operators.pipeline.cancel import CancelPipelineJobOperator
from vertex_mlops.operators.pipeline.job import RunPipelineJobOnceOperator
from vertex_mlops.runs.pipeline_results import PipelineResult

BUCKET = os.environ["WINE_BUCKET"]
DEFAULTS = {
    "project_id": os.environ["WINE_PROJECT"],
    "region": os.environ["WINE_REGION"],
    # a task may take single values of what another returned
    "multiple_outputs": True,
}

with DAG(dag_id="example_pipeline_job", schedule=None, default_args=DEFAULTS):
    train = RunPipelineJobOnceOperator(
        task_id="train",
        display_name="example",
        template_path=f"gs://{BUCKET}/specs/example.json",
        pipeline_root=f"gs://{BUCKET}/pipelines",
        parameter_values={"input_config": "{}"},
        labels={"run_after": "{{ dag_run.run_after.strftime('%Y%m%d') }}"},
        deferrable=True,
        poll_interval=2,
        retries=2,
        retry_delay=5,
    )

    cancel = CancelPipelineJobOperator(
        task_id="cancel",
        pipeline_task_id=train.task_id,
        retries=2,
    ).as_teardown(setups=train)

    @task(multiple_outputs=False)
    def report(result: PipelineResult) -> None:
        """Print what came out."""
        print(f"{result['name']}: {result['state']}, blessed {result['blessed']}, {result['metrics']}")

    report(train.output)  # type: ignore[arg-type]
