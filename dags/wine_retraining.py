"""One retraining DAG for each wine of wine_config.yaml; docs/ describes what each task does."""

# Airflow resolves XComs, DAG params and default_args to arguments at run time
# mypy: disable-error-code="arg-type, call-arg, index"

from __future__ import annotations

from airflow.sdk import DAG, TaskGroup, TriggerRule, chain
from vertex_mlops.contract.names import DATA_VERSION_LABEL, ROW_COUNT_LABEL
from vertex_mlops.operators.bigquery.contract import BigQueryDataContractCheckOperator
from vertex_mlops.operators.bigquery.unseen_data import BigQueryTableFreshnessOperator
from vertex_mlops.operators.pipeline.cancel import CancelPipelineJobOperator
from vertex_mlops.operators.pipeline.job import RunPipelineJobOnceOperator
from vertex_mlops.operators.rollout.deployment import DeployModelVersionOperator
from vertex_mlops.operators.rollout.endpoint import REJECTED_KEY
from vertex_mlops.operators.rollout.gate import BlessedModelGateOperator
from vertex_mlops.operators.rollout.model_registry import UploadModelVersionOperator
from vertex_mlops.operators.rollout.undeployment import RollBackDeploymentOperator
from vertex_mlops.runs.pipeline_jobs import TRIGGER_LABEL
from vertex_mlops.runs.run_conf import refuse_unknown_conf
from wine_config import load_wines
from wine_params import PARAMS
from wine_steps import (
    default_args,
    doc,
    promote_task,
    retire_task,
    time_or_drift,
    traffic_steps,
    watch_tasks,
)

for wine in load_wines():
    with DAG(
        dag_id=f"wine_retraining_{wine.name}",
        description=f"Retrain the {wine.name} wine model when there is new data",
        doc_md=doc("wine_retraining"),
        # without a start_date the first run waits for the next scheduled time, and drift while the DAG is
        # paused starts no run: unpausing alone trains nothing
        schedule=time_or_drift(wine),
        catchup=False,
        max_active_runs=1,
        params=PARAMS,
        default_args=default_args(wine),
        owner_links={wine.owner: wine.owner_link},
        tags=["wine", wine.name, "vertex-ai"],
    ) as dag:
        with TaskGroup("data", prefix_group_id=False, tooltip="Is there new data, and is it valid?") as data:
            check_freshness = BigQueryTableFreshnessOperator(
                task_id="check_freshness",
                pre_execute=refuse_unknown_conf,
                doc_md=doc("check_freshness"),
                dataset_id=wine.dataset,
                table_id=wine.table,
                pipeline_job_labels=wine.training_labels,
                # the id of the task below
                pipeline_task_id="train",
                force=dag.param("force"),
                data_version=dag.param("data_version"),
                drift_settings=wine.drift,
            )

            check_data = BigQueryDataContractCheckOperator(
                task_id="check_data",
                doc_md=doc("check_data"),
                dataset_id=wine.dataset,
                table_id=wine.table,
                data_version=check_freshness.output["data_version"],
                template_path=wine.spec,
                named_features=wine.monitoring.named_features,
                last_trained_rows=check_freshness.output["last_trained_rows"],
                max_row_loss=wine.max_row_loss,
                force=dag.param("force"),
            )

            check_freshness >> check_data

        train = RunPipelineJobOnceOperator(
            task_id="train",
            doc_md=doc("train"),
            display_name=f"wine-{wine.name}",
            # the file whose contract was checked, even if another one is deployed meanwhile
            template_path=check_data.output["template_path"],
            pipeline_root=wine.pipeline_root,
            parameter_values={"input_config": check_data.output["input_config"]},
            labels=wine.training_labels
            | {
                DATA_VERSION_LABEL: check_freshness.output["data_version"],
                ROW_COUNT_LABEL: check_data.output["rows"],
                TRIGGER_LABEL: check_freshness.output["trigger"],
            },
            service_account=wine.service_account,
            validate_only=dag.param("dry_run"),
            deferrable=True,
            poll_interval=wine.poll_interval,
        )

        cancel = CancelPipelineJobOperator(
            task_id="cancel",
            doc_md=doc("cancel"),
            pipeline_task_id=train.task_id,
        ).as_teardown(setups=train)

        gate = BlessedModelGateOperator(
            task_id="gate",
            doc_md=doc("gate"),
            pipeline_result=train.output,
        )

        # the verdict is valid for this champion only
        compared = gate.output["champion_version"]

        with TaskGroup("rollout", prefix_group_id=False, tooltip="Step by step, with rollback") as rollout:
            upload = UploadModelVersionOperator(
                task_id="upload",
                doc_md=doc("upload"),
                pipeline_result=train.output,
                labels={"wine": wine.name},
                poll_interval=wine.poll_interval,
            )

            deploy = DeployModelVersionOperator(
                task_id="deploy",
                doc_md=doc("deploy"),
                model_version=upload.output["model_version"],
                pipeline_job=train.output["name"],
                champion_version=compared,
                poll_interval=wine.poll_interval,
            )

            steps = traffic_steps(wine, deploy, train.output, compared, wine.rollout.steps)
            promote = promote_task(deploy, compared)

            roll_back = RollBackDeploymentOperator(
                task_id="roll_back",
                doc_md=doc("roll_back"),
                model_version=upload.output["model_version"],
                champion_version=compared,
                deployed_model_id=deploy.output["deployed_model_id"],
                rejections=[verify.output[REJECTED_KEY] for verify in steps[1::2]],
                poll_interval=wine.poll_interval,
                # a rollback must outlast an outage
                retries=10,
                trigger_rule=TriggerRule.ONE_FAILED,
            )

            chain(upload, deploy, *steps, promote)
            [deploy, *steps, promote] >> roll_back

        with TaskGroup("watch", prefix_group_id=False, tooltip="Is the serving model monitored?") as watch:
            watch_tasks(wine, deploy, train.output["name"], train.output["training_examples"])

        # only then: the monitoring job must not name a model that is undeployed
        retire = retire_task(
            wine,
            deploy,
            keep_previous=wine.rollout.keep_previous,
            rollback_dag_id=f"wine_rollback_{wine.name}",
        )

        data >> train >> gate >> upload
        promote >> watch >> retire
