"""Ask a newly deployed model for a known prediction; if it answers badly, the one before it serves again."""

from __future__ import annotations

import os

from airflow.sdk import DAG, Param
from vertex_mlops.operators.endpoint import VerifyDeployedModelOperator
from vertex_mlops.pipeline_jobs import PipelineResult

with DAG(
    dag_id="example_endpoint",
    schedule=None,
    params={
        "model": Param("", type="string", description="Resource name of the model"),
        "endpoint": Param("", type="string", description="Resource name of the endpoint that serves it"),
        "deployed_model_id": Param("", type="string", description="Its id on the endpoint"),
        "template_path": Param("", type="string", description="gs:// URI of the compiled pipeline"),
    },
):
    # behind a RunPipelineJobOnceOperator this is its output
    pushed = PipelineResult(
        name="",
        state="PIPELINE_STATE_SUCCEEDED",
        data_version=None,
        blessed=True,
        metrics={},
        model="{{ params.model }}",
        endpoint="{{ params.endpoint }}",
        deployed_model_id="{{ params.deployed_model_id }}",
        training_examples=None,
        evaluation=None,
    )

    verify = VerifyDeployedModelOperator(
        task_id="verify",
        project_id=os.environ["WINE_PROJECT"],
        region=os.environ["WINE_REGION"],
        pipeline_result=pushed,
        template_path="{{ params.template_path }}",
    )
