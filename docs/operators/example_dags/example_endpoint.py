"""Roll out a model behind an endpoint, with a rollback: what follows a RunPipelineJobOnceOperator."""

# Airflow puts XComs and default_args in place of arguments at run time
# mypy: disable-error-code="arg-type, call-arg, index"

from __future__ import annotations

import os

from airflow.sdk import DAG, Param, TriggerRule, chain
from vertex_mlops.operators.rollout.deployment import DeployModelVersionOperator, ShiftTrafficOperator
from vertex_mlops.operators.rollout.endpoint import VerifyDeployedModelOperator
from vertex_mlops.operators.rollout.gate import BlessedModelGateOperator
from vertex_mlops.operators.rollout.model_registry import (
    PromoteModelVersionOperator,
    UploadModelVersionOperator,
)
from vertex_mlops.operators.rollout.undeployment import (
    RetireDeployedModelsOperator,
    RollBackDeploymentOperator,
)

with DAG(
    dag_id="example_endpoint",
    schedule=None,
    default_args={
        "project_id": os.environ["WINE_PROJECT"],
        "region": os.environ["WINE_REGION"],
        # a step takes single values of an earlier step's result
        "multiple_outputs": True,
    },
    params={"pipeline_result": Param({}, type="object", description="What a pipeline job gave")},
) as dag:
    # downstream of a RunPipelineJobOnceOperator this is train.output
    pipeline_result = dag.param("pipeline_result")

    gate = BlessedModelGateOperator(task_id="gate", pipeline_result=pipeline_result)

    upload = UploadModelVersionOperator(task_id="upload", pipeline_result=pipeline_result, poll_interval=15)

    deploy = DeployModelVersionOperator(
        task_id="deploy",
        model_version=upload.output["model_version"],
        # train.output["name"]
        pipeline_job="{{ params.pipeline_result.name }}",
        champion_version=gate.output["champion_version"],
        poll_interval=15,
    )

    traffic = ShiftTrafficOperator(
        task_id="traffic",
        endpoint_name=deploy.output["endpoint"],
        deployed_model_id=deploy.output["deployed_model_id"],
        model_version=deploy.output["model_version"],
        champion_id=deploy.output["champion_id"],
        champion_version=gate.output["champion_version"],
        traffic=deploy.output["traffic"],
        percent=50,
    )

    verify = VerifyDeployedModelOperator(
        task_id="verify",
        endpoint=deploy.output["endpoint"],
        deployed_model_id=deploy.output["deployed_model_id"],
        percent=traffic.output["percent"],
        since=traffic.output["since"],
        pipeline_result=pipeline_result,
    )

    all_traffic = ShiftTrafficOperator(
        task_id="all_traffic",
        endpoint_name=deploy.output["endpoint"],
        deployed_model_id=deploy.output["deployed_model_id"],
        model_version=deploy.output["model_version"],
        champion_version=gate.output["champion_version"],
        traffic=traffic.output["traffic"],
        percent=100,
    )

    promote = PromoteModelVersionOperator(
        task_id="promote",
        model_version=deploy.output["model_version"],
        endpoint_name=deploy.output["endpoint"],
        champion_version=gate.output["champion_version"],
    )

    retire = RetireDeployedModelsOperator(
        task_id="retire",
        endpoint_name=deploy.output["endpoint"],
        deployed_model_id=deploy.output["deployed_model_id"],
        model_version=deploy.output["model_version"],
        poll_interval=15,
    )

    roll_back = RollBackDeploymentOperator(
        task_id="roll_back",
        model_version=upload.output["model_version"],
        champion_version=gate.output["champion_version"],
        deployed_model_id=deploy.output["deployed_model_id"],
        rejections=[verify.output["rejected"]],
        poll_interval=15,
        trigger_rule=TriggerRule.ONE_FAILED,
    )

    chain(gate, upload, deploy, traffic, verify, all_traffic, promote, retire)
    [deploy, traffic, verify, all_traffic, promote] >> roll_back
