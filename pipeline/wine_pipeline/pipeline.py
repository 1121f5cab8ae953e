"""The graph: from a BigQuery query to a model behind a Vertex AI endpoint."""

from __future__ import annotations

import json

from tfx import v1 as tfx
from tfx.v1.extensions import google_cloud_ai_platform as vertex
from tfx.v1.extensions.google_cloud_big_query import BigQueryExampleGen

from wine_pipeline.config import Target, WineConfig
from wine_pipeline.evaluation import build_eval_config
from wine_pipeline.preprocessing import preprocessing_fn
from wine_pipeline.trainer import run_fn

INPUT_CONFIG = "input_config"

# In this process. Beam's `DirectRunner` would first download another runner from GitHub in every task.
_BEAM_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"


def build_input_config(query: str) -> str:
    """
    Return the value of the pipeline's one parameter.

    :param query: SQL, pinned to one version of the table.
    """
    return json.dumps({"splits": [{"name": "single_split", "pattern": query}]})


def create_pipeline(
    config: WineConfig,
    target: Target,
    input_config: tfx.proto.Input | tfx.dsl.experimental.RuntimeParameter,
    pipeline_root: str,
    metadata: tfx.orchestration.metadata.ConnectionConfigType | None = None,
) -> tfx.dsl.Pipeline:
    """
    Return the pipeline of one wine.

    Caching is off: a run is asked for because something changed or because somebody forced it, and a cached
    Pusher would report a deployment that didn't happen.

    :param config: of the wine.
    :param target: where it runs.
    :param input_config: the query, or the parameter that will bring it.
    :param pipeline_root: folder of the artifacts.
    :param metadata: the store of a local runner; Vertex has its own.
    """
    examples = BigQueryExampleGen(input_config=input_config, output_config=_four_to_one())
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=pipeline_root,
        components=[examples, *_learn_and_deploy(config, target, examples.outputs["examples"])],
        enable_cache=False,
        metadata_connection_config=metadata,
        beam_pipeline_args=_beam_arguments(target),
    )


def _beam_arguments(target: Target) -> list[str]:
    return [
        f"--project={target.project}",
        f"--temp_location={target.temp_location}",
        f"--runner={_BEAM_RUNNER}",
        "--direct_num_workers=1",
        # Says that the code is there: else every task packs TFX's sources for workers that don't exist.
        f"--sdk_container_image={target.task_image}",
    ]


def _learn_and_deploy(
    config: WineConfig, target: Target, examples: tfx.types.BaseChannel
) -> list[tfx.types.BaseNode]:
    statistics = tfx.components.StatisticsGen(examples=examples)
    schema = tfx.components.SchemaGen(statistics=statistics.outputs["statistics"], infer_feature_shape=True)
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    # By import path: a module file would be built into a wheel here and installed at each task's start.
    transform = tfx.components.Transform(
        examples=examples,
        schema=schema.outputs["schema"],
        preprocessing_fn=_import_path(preprocessing_fn),
        # Nothing reads either: StatisticsGen measured the rows, and another data version shares no analysis.
        disable_statistics=True,
        disable_analyzer_cache=True,
    )
    trainer = tfx.components.Trainer(
        run_fn=_import_path(run_fn),
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=tfx.proto.TrainArgs(),
        eval_args=tfx.proto.EvalArgs(),
        custom_config=config.training.to_custom_config(),
    )
    champion = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model_resolver")
    evaluator = tfx.components.Evaluator(
        examples=examples,
        model=trainer.outputs["model"],
        baseline_model=champion.outputs["model"],
        eval_config=build_eval_config(config.evaluation),
    )
    pusher = _vertex_pusher(config, target, trainer.outputs["model"], evaluator.outputs["blessing"])
    return [statistics, schema, validator, transform, trainer, champion, evaluator, pusher]


def _four_to_one() -> tfx.proto.Output:
    """Split by the hash of a row: exact copies stay on one side, and a row never changes sides."""
    split = tfx.proto.SplitConfig.Split
    return tfx.proto.Output(
        split_config=tfx.proto.SplitConfig(
            splits=[split(name="train", hash_buckets=4), split(name="eval", hash_buckets=1)]
        )
    )


def _vertex_pusher(
    config: WineConfig, target: Target, model: tfx.types.BaseChannel, blessing: tfx.types.BaseChannel
) -> vertex.Pusher:
    return vertex.Pusher(
        model=model,
        model_blessing=blessing,
        custom_config={
            vertex.ENABLE_VERTEX_KEY: True,
            vertex.VERTEX_REGION_KEY: target.region,
            vertex.VERTEX_CONTAINER_IMAGE_URI_KEY: config.serving.container_image,
            vertex.SERVING_ARGS_KEY: {
                "project_id": target.project,
                "endpoint_name": config.name,
                "machine_type": config.serving.machine_type,
                "min_replica_count": config.serving.min_replicas,
                "max_replica_count": config.serving.max_replicas,
            },
        },
    )


def _import_path(function: object) -> str:
    return f"{function.__module__}.{function.__qualname__}"  # type: ignore[attr-defined]
