"""One rollback DAG for each wine of wine_config.yaml: the champion of before gets the traffic back."""

# Airflow puts XComs and default_args in place of arguments at run time
# mypy: disable-error-code="arg-type, call-arg, index"

from __future__ import annotations

from airflow.sdk import DAG, TaskGroup, chain
from vertex_mlops.operators.deployment import DeployModelVersionOperator
from vertex_mlops.operators.model_registry import GetPreviousModelVersionOperator
from vertex_mlops.run_conf import refuse_unknown_conf
from wine_config import load_wines
from wine_steps import default_args, doc, promote_task, retire_task, traffic_steps, watch_tasks

for wine in load_wines():
    with DAG(
        dag_id=f"wine_rollback_{wine.name}",
        description=f"Give the traffic of the {wine.name} wine model back to the one before it",
        doc_md=doc("wine_rollback"),
        # a person decides
        schedule=None,
        max_active_runs=1,
        default_args=default_args(wine),
        owner_links={wine.owner: wine.owner_link},
        tags=["wine", wine.name, "vertex-ai"],
    ) as dag:
        choose = GetPreviousModelVersionOperator(
            task_id="choose",
            pre_execute=refuse_unknown_conf,
            doc_md=doc("choose"),
            region=wine.region,
            template_path=wine.spec,
        )

        left = choose.output["left"]

        with TaskGroup("rollback", prefix_group_id=False, tooltip="All traffic to the model of before"):
            deploy = DeployModelVersionOperator(
                task_id="deploy",
                doc_md=doc("deploy"),
                region=wine.region,
                model_version=choose.output["model_version"],
                champion_version=left,
                template_path=wine.spec,
                poll_interval=wine.poll_interval,
            )

            # a rollback takes the traffic from a rollout that is under way
            steps = traffic_steps(wine, deploy, choose.output["pipeline_result"], left, [100], take_all=True)
            promote = promote_task(wine, deploy, left)

        with TaskGroup("watch", prefix_group_id=False, tooltip="Is what serves watched?"):
            watch = watch_tasks(wine, deploy, choose.output["training_examples"])

        # only then does no monitoring job name a model that is undeployed
        retire = retire_task(wine, deploy, keep_previous=False)

        chain(choose, deploy, *steps, promote, watch[0])
        watch[-1] >> retire
