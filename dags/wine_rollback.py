"""One rollback DAG for each wine of wine_config.yaml: the previous champion gets the traffic back."""

# Airflow resolves XComs and default_args to arguments at run time
# mypy: disable-error-code="arg-type, call-arg, index"

from __future__ import annotations

from airflow.sdk import DAG, TaskGroup, chain
from vertex_mlops.operators.rollout.deployment import DeployModelVersionOperator
from vertex_mlops.operators.rollout.model_registry import GetPreviousModelVersionOperator
from vertex_mlops.runs.run_conf import refuse_unknown_conf
from wine_config import load_wines
from wine_steps import default_args, doc, promote_task, retire_task, traffic_steps, watch_tasks

for wine in load_wines():
    with DAG(
        dag_id=f"wine_rollback_{wine.name}",
        description=f"Roll the {wine.name} wine model back to the previous champion",
        doc_md=doc("wine_rollback"),
        # triggered manually only
        schedule=None,
        max_active_runs=1,
        default_args=default_args(wine),
        owner_links={wine.owner: wine.owner_link},
        tags=["wine", wine.name, "vertex-ai"],
    ) as dag:
        find_previous = GetPreviousModelVersionOperator(
            task_id="find_previous",
            pre_execute=refuse_unknown_conf,
            doc_md=doc("find_previous"),
            pipeline_job_labels=wine.training_labels,
        )

        left = find_previous.output["left"]

        with TaskGroup("rollback", prefix_group_id=False, tooltip="All traffic to the previous champion"):
            deploy = DeployModelVersionOperator(
                task_id="deploy",
                doc_md=doc("deploy"),
                model_version=find_previous.output["model_version"],
                pipeline_job=find_previous.output["pipeline_job"],
                champion_version=left,
                poll_interval=wine.poll_interval,
            )

            # a rollback takes the traffic from a running rollout
            steps = traffic_steps(
                wine, deploy, find_previous.output["pipeline_result"], left, [100], take_all=True
            )
            promote = promote_task(deploy, left)

        with TaskGroup("watch", prefix_group_id=False, tooltip="Is the serving model monitored?"):
            watch = watch_tasks(
                wine, deploy, find_previous.output["pipeline_job"], find_previous.output["training_examples"]
            )

        # only then: the monitoring job must not name a model that is undeployed
        retire = retire_task(wine, deploy, keep_previous=False)

        chain(find_previous, deploy, *steps, promote, watch[0])
        watch[-1] >> retire
