"""One retraining DAG for each wine of wine_config.yaml; what each step does is told in docs/."""

# Airflow puts XComs, DAG params and default_args in place of arguments at run time
# mypy: disable-error-code="arg-type, call-arg, index"

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, TaskGroup
from vertex_mlops.operators.bigquery import BigQueryDataContractCheckOperator, BigQueryTableFreshnessOperator
from vertex_mlops.operators.cancel_pipeline_job import CancelPipelineJobOperator
from vertex_mlops.operators.endpoint import VerifyDeployedModelOperator
from vertex_mlops.operators.model_monitoring import CreateOrUpdateModelMonitoringJobOperator
from vertex_mlops.operators.pipeline_job import RunPipelineJobOnceOperator
from vertex_mlops.pipeline_jobs import DATA_VERSION_LABEL
from vertex_mlops.sensors.model_monitoring import ModelMonitoringJobSensor
from wine_config import load_wines
from wine_params import PARAMS

DOCS = Path(__file__).with_name("docs")


def doc(name: str) -> str:
    """Read what the UI shows about the DAG or a task."""
    return (DOCS / f"{name}.md").read_text()


for wine in load_wines():
    with DAG(
        dag_id=f"wine_retraining_{wine.name}",
        description=f"Retrain the {wine.name} wine model when there is new data",
        doc_md=doc("wine_retraining"),
        # without a start_date the first run waits for the next tick: unpausing alone trains nothing
        schedule=wine.schedule,
        catchup=False,
        max_active_runs=1,
        params=PARAMS,
        default_args={
            "owner": wine.owner,
            "project_id": wine.project,
            # a step takes single values of an earlier step's result
            "multiple_outputs": True,
            "retries": 2,
            "retry_delay": timedelta(minutes=1),
        },
        owner_links={wine.owner: wine.owner_link},
        tags=["wine", wine.name, "vertex-ai"],
    ) as dag:
        with TaskGroup("data", prefix_group_id=False, tooltip="Is there new data, and is it fit?") as data:
            check_freshness = BigQueryTableFreshnessOperator(
                task_id="check_freshness",
                doc_md=doc("check_freshness"),
                region=wine.region,
                dataset_id=wine.dataset,
                table_id=wine.table,
                pipeline_job_labels=wine.training_labels,
                force=dag.param("force"),
                data_version=dag.param("data_version"),
            )

            check_data = BigQueryDataContractCheckOperator(
                task_id="check_data",
                doc_md=doc("check_data"),
                dataset_id=wine.dataset,
                table_id=wine.table,
                data_version=check_freshness.output["data_version"],
                template_path=wine.spec,
                named_features=wine.monitoring.named_features,
            )

            check_freshness >> check_data

        train = RunPipelineJobOnceOperator(
            task_id="train",
            doc_md=doc("train"),
            region=wine.region,
            display_name=f"wine-{wine.name}",
            template_path=wine.spec,
            pipeline_root=wine.pipeline_root,
            parameter_values={"input_config": check_data.output["input_config"]},
            labels=wine.training_labels | {DATA_VERSION_LABEL: check_freshness.output["data_version"]},
            service_account=wine.service_account,
            validate_only=dag.param("dry_run"),
            deferrable=True,
            poll_interval=wine.poll_interval,
        )

        cancel = CancelPipelineJobOperator(
            task_id="cancel",
            doc_md=doc("cancel"),
            region=wine.region,
            pipeline_task_id=train.task_id,
        ).as_teardown(setups=train)

        with TaskGroup("serve", prefix_group_id=False, tooltip="Does the new model serve, watched?") as serve:
            verify = VerifyDeployedModelOperator(
                task_id="verify",
                doc_md=doc("verify"),
                region=wine.region,
                pipeline_result=train.output,
                template_path=wine.spec,
            )

            monitor = CreateOrUpdateModelMonitoringJobOperator(
                task_id="monitor",
                doc_md=doc("monitor"),
                region=wine.region,
                endpoint=verify.output["endpoint"],
                deployed_model_id=verify.output["deployed_model_id"],
                training_examples=train.output["training_examples"],
                template_path=wine.spec,
                display_name=f"wine-{wine.name}",
                settings=wine.monitoring,
                labels=wine.training_labels,
                recreate=wine.recreate_monitoring,
                poll_interval=wine.poll_interval,
            )

            monitor_settled = ModelMonitoringJobSensor(
                task_id="monitor_settled",
                doc_md=doc("monitor_settled"),
                region=wine.region,
                job_id=monitor.output["name"],
                operation=monitor.output["operation"],
                poke_interval=wine.poll_interval,
                # an update can take hours
                timeout=timedelta(hours=12),
            )

            verify >> monitor >> monitor_settled

        data >> train >> serve
