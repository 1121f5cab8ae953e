"""
Retrain a wine model when its table has new data. There is one DAG for each wine of `wine_config.yaml`.

- **check_freshness** compares the table's last change with the newest training that succeeded, and skips
  the rest if nothing is new. *If it fails*: the table named does not exist; correct `wine_config.yaml`.
- **check_data** counts the rows that no model may learn from: NULL, NaN, out of range.
  *If it fails*: mend the columns named, then trigger again. If the spec is missing: compile and upload it.
- **train** runs the compiled pipeline on Vertex AI and deploys the model if it is good enough. A retry waits
  for the job that runs. *If it fails*: follow the link to the task named; clearing this one starts a new job.
- **verify** asks the new model for a known wine. It is skipped if nothing was deployed: the champion stays.
  *If it fails*: the message says why the model was rejected, and that its traffic went back to the model
  before it. Mend the pipeline; new data or `force` trains again.
- **monitor** makes the endpoint's one monitoring job watch the models that serve now.
  *If it fails*: the new model serves already; mend what the message names, then clear the task.

`force` trains although the table is unchanged.
"""

# Airflow puts XComs, DAG params and default_args in place of arguments at run time
# mypy: disable-error-code="arg-type, call-arg, index"

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param
from vertex_mlops.operators.bigquery import BigQueryDataContractCheckOperator, BigQueryTableFreshnessOperator
from vertex_mlops.operators.endpoint import VerifyDeployedModelOperator
from vertex_mlops.operators.model_monitoring import CreateOrUpdateModelMonitoringJobOperator
from vertex_mlops.operators.pipeline_job import RunPipelineJobOnceOperator
from vertex_mlops.pipeline_jobs import DATA_VERSION_LABEL
from wine_config import load_wines

for wine in load_wines():
    with DAG(
        dag_id=f"wine_retraining_{wine.name}",
        description=f"Retrain the {wine.name} wine model when there is new data",
        doc_md=__doc__,
        # without a start_date the first run waits for the next tick: unpausing alone trains nothing
        schedule=wine.schedule,
        catchup=False,
        max_active_runs=1,
        params={"force": Param(False, type="boolean", description="Train although the table is unchanged")},
        default_args={
            "project_id": wine.project,
            # a step takes single values of an earlier step's result
            "multiple_outputs": True,
            "retries": 2,
            "retry_delay": timedelta(minutes=1),
        },
        tags=["wine", "vertex-ai"],
    ) as dag:
        check_freshness = BigQueryTableFreshnessOperator(
            task_id="check_freshness",
            region=wine.region,
            dataset_id=wine.dataset,
            table_id=wine.table,
            pipeline_job_labels=wine.training_labels,
            force=dag.param("force"),
        )

        check_data = BigQueryDataContractCheckOperator(
            task_id="check_data",
            dataset_id=wine.dataset,
            table_id=wine.table,
            data_version=check_freshness.output["data_version"],
            template_path=wine.spec,
        )

        train = RunPipelineJobOnceOperator(
            task_id="train",
            region=wine.region,
            display_name=f"wine-{wine.name}",
            template_path=wine.spec,
            pipeline_root=wine.pipeline_root,
            parameter_values={"input_config": check_data.output["input_config"]},
            labels=wine.training_labels | {DATA_VERSION_LABEL: check_freshness.output["data_version"]},
            deferrable=True,
            poll_interval=wine.poll_interval,
        )

        verify = VerifyDeployedModelOperator(
            task_id="verify",
            region=wine.region,
            pipeline_result=train.output,
            template_path=wine.spec,
        )

        monitor = CreateOrUpdateModelMonitoringJobOperator(
            task_id="monitor",
            region=wine.region,
            endpoint=verify.output["endpoint"],
            deployed_model_id=verify.output["deployed_model_id"],
            training_examples=train.output["training_examples"],
            template_path=wine.spec,
            display_name=f"wine-{wine.name}",
            settings=wine.monitoring,
            poll_interval=wine.poll_interval,
        )

        check_freshness >> check_data >> train >> verify >> monitor
