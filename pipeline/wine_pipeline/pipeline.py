"""The graph: from a BigQuery query to a model behind a Vertex AI endpoint."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format
from tfx import v1 as tfx
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.v1.extensions import google_cloud_ai_platform as vertex
from tfx.v1.extensions.google_cloud_big_query import BigQueryExampleGen
from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.contract.serving import ServingSpec

from wine_pipeline.config import EVAL_BUCKETS, SPLIT_BUCKETS, Target, WineConfig
from wine_pipeline.data.data_contract import build_data_contract
from wine_pipeline.data.schema import DeclaredSchemaGen
from wine_pipeline.data.table import job_labels
from wine_pipeline.data.validator import StrictExampleValidator
from wine_pipeline.evaluation.baseline import BaselineModel
from wine_pipeline.evaluation.evaluator import PairedEvaluator
from wine_pipeline.evaluation.reporter import MetricsReporter
from wine_pipeline.features import GOOD, QUALITY
from wine_pipeline.learner.preprocessing import preprocessing_fn
from wine_pipeline.learner.trainer import run_fn
from wine_pipeline.model_card.component import ModelCard
from wine_pipeline.model_card.job import JOB_PLACEHOLDER
from wine_pipeline.monitorer.component import MonitorerComponent
from wine_pipeline.scale import DataflowConfig, Scale, TrainingJobConfig
from wine_pipeline.vertex.pusher import CONTAINER_SPEC, Pusher
from wine_pipeline.vertex.serving import build_container_spec, build_serving_spec

INPUT_CONFIG = "input_config"

# what the card of a model is made from
_SHOWN = ("examples", "statistics", "baseline", "evaluation", "blessing", "metrics")

# In this process. Beam's `DirectRunner` would first download another runner from GitHub in every task.
_BEAM_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"


def create_pipeline(
    config: WineConfig,
    target: Target,
    scale: Scale,
    input_config: tfx.proto.Input | tfx.dsl.experimental.RuntimeParameter,
    pipeline_root: str,
    metadata: tfx.orchestration.metadata.ConnectionConfigType | None = None,
    monitored_table: str | None = None,
    *,
    push: bool = True,
) -> tfx.dsl.Pipeline:
    """
    Return the pipeline of one wine.

    Caching is off: a run is asked for because something changed or because somebody forced it, and a cached
    Pusher would report a deployment that didn't happen.

    :param config: of the wine.
    :param target: where it runs.
    :param scale: steps that run outside their tasks.
    :param input_config: the query, or the parameter that will bring it.
    :param pipeline_root: folder of the artifacts.
    :param metadata: the store of a local runner; Vertex has its own.
    :param monitored_table: project.dataset.table against which the endpoint's monitoring measures skew;
        without it the pipeline leaves the monitoring to its caller.
    :param push: whether a blessed model is deployed and takes all traffic at once; without it the pipeline
        ends with the blessed model in its folder, and leaves the rollout to its caller.
    """
    examples = BigQueryExampleGen(input_config=input_config, output_config=_four_to_one())
    # a pusher sets no aliases, and a local runner has its own metadata store
    registered = "" if push or metadata else f"{target.parent}/models/{config.name}"
    components = [examples, *_learn(config, target, scale, examples.outputs["examples"], registered)]
    components.append(_model_card(config, target, input_config, components))
    if push:
        model, blessing = _only_output(components, "model"), _only_output(components, "blessing")
        components.append(_vertex_pusher(config, target, model, blessing))
    if monitored_table:
        components.append(_monitorer(config, target, monitored_table, components))
    runner = _runner_arguments(config, target, scale)
    for component in components:
        if isinstance(component, BaseBeamComponent):
            component.with_beam_pipeline_args(runner)
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=pipeline_root,
        components=components,
        enable_cache=False,
        metadata_connection_config=metadata,
        beam_pipeline_args=[f"--project={target.project}", f"--temp_location={target.temp_location}"],
    )


def _runner_arguments(config: WineConfig, target: Target, scale: Scale) -> list[str]:
    # The workers have the code already: otherwise every task packs TFX's sources for them.
    image = f"--sdk_container_image={target.task_image}"
    if scale.dataflow:
        return [image, *_dataflow_arguments(config, target, scale.dataflow, scale.account(target.project))]
    return [image, f"--runner={_BEAM_RUNNER}", "--direct_num_workers=1"]


def _dataflow_arguments(
    config: WineConfig, target: Target, dataflow: DataflowConfig, service_account: str
) -> list[str]:
    # https://cloud.google.com/dataflow/docs/reference/pipeline-options
    # No job_name: Dataflow refuses the name of a job that runs, and two runs of a wine may overlap.
    arguments = [
        "--runner=DataflowRunner",
        f"--region={target.region}",
        f"--worker_machine_type={dataflow.machine_type}",
        f"--max_num_workers={dataflow.max_workers}",
        # Beam is in the image: nothing is staged, nothing is installed when a worker starts.
        "--sdk_location=container",
        "--experiments=use_runner_v2",
        f"--labels=wine={config.wine}",
    ]
    if dataflow.subnetwork:
        arguments += [f"--subnetwork={dataflow.subnetwork}", "--no_use_public_ips"]
    if service_account:
        arguments.append(f"--service_account_email={service_account}")
    return arguments


def _learn(
    config: WineConfig, target: Target, scale: Scale, examples: tfx.types.BaseChannel, registered_model: str
) -> list[tfx.types.BaseNode]:
    statistics = tfx.components.StatisticsGen(examples=examples)
    # under the names that these steps have in every TFX pipeline
    schema = DeclaredSchemaGen().with_id("SchemaGen")
    validator = StrictExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    ).with_id("ExampleValidator")
    # By import path: a module file would be built into a wheel here and installed at each task's start.
    transform = tfx.components.Transform(
        examples=examples,
        schema=schema.outputs["schema"],
        preprocessing_fn=_import_path(preprocessing_fn),
        # Nothing reads either: StatisticsGen measured the rows, and another data version shares no analysis.
        disable_statistics=True,
        disable_analyzer_cache=True,
    )
    trainer = _trainer(config, target, scale, transform, schema.outputs["schema"])
    # Not Transform: it takes longest, and its result for invalid examples is not needed.
    trainer.add_upstream_node(validator)
    blessed = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model_resolver")
    # without a champion, the baseline is the majority model
    baseline = BaselineModel(
        examples=examples, latest_blessed=blessed.outputs["model"], registered_model=registered_model
    )
    evaluator = PairedEvaluator(
        examples=examples,
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["baseline"],
        config=config.evaluation,
    ).with_id("Evaluator")
    reporter = MetricsReporter(
        evaluation=evaluator.outputs["evaluation"],
        model=trainer.outputs["model"],
        baseline=baseline.outputs["baseline"],
        data_contract=_as_parameter(build_data_contract(config)),
    )
    return [statistics, schema, validator, transform, trainer, blessed, baseline, evaluator, reporter]


def _trainer(
    config: WineConfig,
    target: Target,
    scale: Scale,
    transform: tfx.components.Transform,
    schema: tfx.types.BaseChannel,
) -> tfx.components.Trainer:
    component = vertex.Trainer if scale.training else tfx.components.Trainer
    custom_config: dict[str, Any] = {
        **config.training.to_custom_config(),
        "default_signature": config.serving.default_signature,
    }
    if scale.training:
        custom_config |= _training_job(config, target, scale.training, scale.account(target.project))
    return component(
        run_fn=_import_path(run_fn),
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema,
        train_args=tfx.proto.TrainArgs(),
        eval_args=tfx.proto.EvalArgs(),
        custom_config=custom_config,
    )


def _training_job(
    config: WineConfig, target: Target, training: TrainingJobConfig, service_account: str
) -> dict[str, Any]:
    machine: dict[str, Any] = {"machine_type": training.machine_type}
    if training.accelerator_type:
        machine["accelerator_type"] = training.accelerator_type
        machine["accelerator_count"] = training.accelerator_count
    pool = {
        "machine_spec": machine,
        "replica_count": 1,
        # TFX adds the command, which is that of the Trainer in a task of its own.
        "container_spec": {"image_uri": training.image or target.task_image},
    }
    spec: dict[str, Any] = {"worker_pool_specs": [pool]}
    if service_account:
        spec["service_account"] = service_account
    return {
        vertex.ENABLE_VERTEX_KEY: True,
        vertex.VERTEX_REGION_KEY: target.region,
        vertex.TRAINING_ARGS_KEY: {
            "project": target.project,
            "display_name": config.name,
            "job_spec": spec,
            "labels": {"wine": config.wine},
        },
    }


def _four_to_one() -> tfx.proto.Output:
    """Split by the hash of a row: exact copies stay on one side, and a row never changes sides."""
    split = tfx.proto.SplitConfig.Split
    return tfx.proto.Output(
        split_config=tfx.proto.SplitConfig(
            splits=[
                split(name="train", hash_buckets=SPLIT_BUCKETS - EVAL_BUCKETS),
                split(name="eval", hash_buckets=EVAL_BUCKETS),
            ]
        )
    )


def _vertex_pusher(
    config: WineConfig, target: Target, model: tfx.types.BaseChannel, blessing: tfx.types.BaseChannel
) -> Pusher:
    return Pusher(
        model=model,
        model_blessing=blessing,
        custom_config={
            vertex.VERTEX_REGION_KEY: target.region,
            CONTAINER_SPEC: build_container_spec(config.serving, target),
            vertex.SERVING_ARGS_KEY: {
                "project_id": target.project,
                "endpoint_name": config.name,
                "machine_type": config.serving.machine_type,
                "min_replica_count": config.serving.min_replicas,
                "max_replica_count": config.serving.max_replicas,
            },
        },
    )


def _monitorer(
    config: WineConfig, target: Target, table: str, upstream: list[tfx.types.BaseNode]
) -> MonitorerComponent:
    return MonitorerComponent(
        statistics=_only_output(upstream, "statistics"),
        pushed_model=_only_output(upstream, "pushed_model"),
        project=target.project,
        region=target.region,
        display_name=config.name,
        training_table=table,
        target_field=QUALITY,
        ignored_features=[GOOD],
        settings=config.monitoring,
        labels=job_labels(config, table),
    )


def _model_card(
    config: WineConfig,
    target: Target,
    input_config: tfx.proto.Input | tfx.dsl.experimental.RuntimeParameter,
    upstream: list[tfx.types.BaseNode],
) -> tfx.types.BaseNode:
    is_known = isinstance(input_config, tfx.proto.Input)
    return ModelCard(
        **{name: _only_output(upstream, name) for name in _SHOWN},
        serving=_as_parameter(build_serving_spec(config, target)),
        input_config=json_format.MessageToJson(input_config) if is_known else input_config,
        job=JOB_PLACEHOLDER,
    )


def _as_parameter(compiled: DataContract | ServingSpec) -> str:
    # what a reader takes for granted need not cross
    return json.dumps(compiled.model_dump(mode="json", exclude_defaults=True), sort_keys=True)


def _only_output(nodes: list[tfx.types.BaseNode], name: str) -> tfx.types.BaseChannel:
    # a resolver hands out what an earlier run has made
    (channel,) = [
        node.outputs[name]
        for node in nodes
        if name in node.outputs and not isinstance(node, tfx.dsl.Resolver)
    ]
    return channel


def _import_path(function: object) -> str:
    return f"{function.__module__}.{function.__qualname__}"  # type: ignore[attr-defined]
