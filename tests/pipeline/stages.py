"""Runs single stages of the pipeline on local files, with the code that TFX's own components run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from google.protobuf import json_format
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils
from tfx.components.statistics_gen.executor import Executor as StatisticsGenExecutor
from tfx.components.trainer.executor import GenericExecutor as TrainerExecutor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder
from wine_pipeline.config import EvaluationConfig, ServingConfig, Target, TrainingConfig, WineConfig
from wine_pipeline.data.schema import DeclaredSchemaGen
from wine_pipeline.data.validator import StrictExampleValidator
from wine_pipeline.evaluation.baseline import BaselineModel
from wine_pipeline.evaluation.eval_config import build_eval_config
from wine_pipeline.evaluation.evaluator import PairedEvaluator
from wine_pipeline.features import FEATURE_NAMES, GOOD, QUALITY
from wine_pipeline.learner.preprocessing import preprocessing_fn
from wine_pipeline.pipeline import _runner_arguments
from wine_pipeline.scale import Scale

# isort: split
# Where glibc is older than 2.39, TFX provides a module that the older tensorflow-data-validation imports:
# tfx/__init__.py
from tensorflow_data_validation.statistics import stats_impl

LABELS = (QUALITY, GOOD)
SPLITS = ("train", "eval")
LENIENT = EvaluationConfig(min_auc=0.0, min_accuracy=0.0, max_mad=10.0)
# what a model reaches that has learnt something
REACHED = EvaluationConfig(min_auc=0.6, min_accuracy=0.6, max_mad=0.8)
# two bounds that no model reaches
STRICT = EvaluationConfig(min_auc=0.999, min_accuracy=0.0, max_mad=0.01)
# those of the compiled tasks
BEAM_ARGUMENTS = _runner_arguments(
    WineConfig("white"), Target("wine-local", "europe-west1", "wine-bucket", image="registry/wine:1"), Scale()
)


def to_example(row: Mapping[str, float]) -> tf.train.Example:
    """Return a row as BigQueryExampleGen writes it: FLOAT64 as floats, INT64 as integers."""
    example = tf.train.Example()
    for name, value in row.items():
        if name in LABELS:
            example.features.feature[name].int64_list.value.append(int(value))
        else:
            example.features.feature[name].float_list.value.append(value)
    return example


def split(rows: list[dict[str, float]]) -> dict[str, list[dict[str, float]]]:
    """Put every fifth row into `eval`."""
    return {
        "train": [row for number, row in enumerate(rows) if number % 5],
        "eval": [row for number, row in enumerate(rows) if not number % 5],
    }


def write_examples(rows: list[dict[str, float]], folder: Path) -> None:
    """Write the rows as a tfx.Examples artifact."""
    for name, part in split(rows).items():
        _write_records([to_example(row).SerializeToString() for row in part], folder / f"Split-{name}")


def transform(rows: list[dict[str, float]], transformed: Path, graph: Path) -> None:
    """Analyze the split `train` as the Transform component does, and scale both with the graph it makes."""
    spec = {name: tf.io.FixedLenFeature([1], tf.float32) for name in FEATURE_NAMES}
    spec |= {name: tf.io.FixedLenFeature([1], tf.int64) for name in LABELS}
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
    parts = {name: [_instance(row) for row in part] for name, part in split(rows).items()}
    with beam.Pipeline(argv=BEAM_ARGUMENTS) as pipeline, tft_beam.Context(temp_dir=str(graph.parent / "tmp")):
        measured = pipeline | beam.Create(parts["train"])
        transform_fn = (measured, metadata) | tft_beam.AnalyzeDataset(preprocessing_fn)
        _ = transform_fn | tft_beam.WriteTransformFn(str(graph))
    metadata_io.write_metadata(metadata, str(graph / tft.TFTransformOutput.RAW_METADATA_DIR))
    output = tft.TFTransformOutput(str(graph))
    scale = output.transform_features_layer()
    coder = tft.coders.ExampleProtoCoder(output.transformed_metadata.schema)
    for name, part in parts.items():
        columns = {
            column: tf.constant([row[column] for row in part], feature.dtype)
            for column, feature in spec.items()
        }
        scaled = {column: values.numpy() for column, values in scale(columns).items()}
        rows_of_part = [
            {column: values[row] for column, values in scaled.items()} for row in range(len(part))
        ]
        _write_records([coder.encode(row) for row in rows_of_part], transformed / f"Split-{name}")


def train(
    transformed: Path,
    graph: Path,
    model: Path,
    training: Mapping[str, float],
    default_signature: str = ServingConfig.default_signature,
) -> None:
    """Run the Trainer's executor; the SavedModel is in the model's Format-Serving."""
    config = TrainingConfig(**training).to_custom_config() | {"default_signature": default_signature}
    TrainerExecutor().Do(
        training_inputs(transformed, graph),
        training_outputs(model),
        training_properties(config),
    )


def examples_of(folder: Path) -> standard_artifacts.Examples:
    """Return a folder with both splits as an artifact."""
    artifact = _artifact(standard_artifacts.Examples, folder)
    artifact.split_names = artifact_utils.encode_split_names(list(SPLITS))
    artifact.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    return artifact


def training_inputs(transformed: Path, graph: Path) -> dict[str, list[Any]]:
    """Return the Trainer's input artifacts."""
    return {
        "examples": [examples_of(transformed)],
        "transform_graph": [_artifact(standard_artifacts.TransformGraph, graph)],
    }


def training_outputs(model: Path) -> dict[str, list[Any]]:
    """Return the Trainer's output artifacts."""
    return {
        "model": [_artifact(standard_artifacts.Model, model)],
        "model_run": [_artifact(standard_artifacts.ModelRun, model / "run")],
    }


def training_properties(custom_config: Mapping[str, Any]) -> dict[str, str]:
    """Return the Trainer's parameters, as the compiled spec has them."""
    return {
        "run_fn": "wine_pipeline.learner.trainer.run_fn",
        "train_args": "{}",
        "eval_args": "{}",
        "custom_config": json.dumps(custom_config),
    }


@dataclass(frozen=True)
class Verdict:
    """
    What the Evaluator says.

    :param blessed: the model may be served.
    :param files: names of what lies in the folder of the blessing.
    :param evaluation: folder of the tfx.ModelEvaluation.
    """

    blessed: bool
    files: list[str]
    evaluation: Path


def evaluate(config: EvaluationConfig, examples: Path, model: Path, folder: Path, baseline: Path) -> Verdict:
    """Run the Evaluator's executor on the split `eval`."""
    blessing = _artifact(standard_artifacts.ModelBlessing, folder / "blessing")
    inputs = {
        "examples": [examples_of(examples)],
        "model": [_artifact(standard_artifacts.Model, model)],
        "baseline_model": [_artifact(standard_artifacts.Model, baseline)],
    }
    PairedEvaluator.EXECUTOR_SPEC.executor_class(_beam(folder)).Do(
        inputs,
        {
            "evaluation": [_artifact(standard_artifacts.ModelEvaluation, folder / "evaluation")],
            "blessing": [blessing],
        },
        {
            "eval_config": json_format.MessageToJson(
                build_eval_config(config), preserving_proto_field_name=True
            ),
            "thresholds": json.dumps(asdict(config)),
            "example_splits": "null",
            "fairness_indicator_thresholds": "null",
        },
    )
    files = sorted(path.name for path in (folder / "blessing").iterdir())
    return Verdict(blessing.get_int_custom_property("blessed") == 1, files, folder / "evaluation")


def baseline(
    examples: Path, folder: Path, latest_blessed: Path | None = None, registered_model: str = ""
) -> standard_artifacts.Model:
    """Run BaselineModel's executor; the SavedModel is in the artifact's Format-Serving."""
    made = _artifact(standard_artifacts.Model, folder)
    blessed = [_artifact(standard_artifacts.Model, latest_blessed)] if latest_blessed else []
    BaselineModel.EXECUTOR_SPEC.executor_class().Do(
        {"examples": [examples_of(examples)], "latest_blessed": blessed},
        {"baseline": [made]},
        {"registered_model": registered_model},
    )
    return made


def measure(examples: Path, folder: Path) -> standard_artifacts.ExampleStatistics:
    """Run StatisticsGen's executor on both splits."""
    statistics = _statistics(folder)
    StatisticsGenExecutor(_beam(folder)).Do(
        {"examples": [examples_of(examples)]}, {"statistics": [statistics]}, {"exclude_splits": "[]"}
    )
    return statistics


def measure_in_memory(rows: list[dict[str, float]], folder: Path) -> standard_artifacts.ExampleStatistics:
    """Measure both splits as StatisticsGen does, with TFDV's generators alone: Beam takes seconds."""
    statistics = _statistics(folder)
    for name, part in split(rows).items():
        batch = ExamplesToRecordBatchDecoder().DecodeBatch(
            [to_example(row).SerializeToString() for row in part]
        )
        found = stats_impl.generate_statistics_in_memory(batch)
        io_utils.write_bytes_file(f"{folder}/Split-{name}/FeatureStats.pb", found.SerializeToString())
    return statistics


def validate(
    statistics: standard_artifacts.ExampleStatistics, folder: Path
) -> standard_artifacts.ExampleAnomalies:
    """Run the ExampleValidator's executor with the declared schema."""
    schema = _artifact(standard_artifacts.Schema, folder / "schema")
    DeclaredSchemaGen.EXECUTOR_SPEC.executor_class().Do({}, {"schema": [schema]}, {})
    anomalies = _artifact(standard_artifacts.ExampleAnomalies, folder / "anomalies")
    StrictExampleValidator.EXECUTOR_SPEC.executor_class().Do(
        {"statistics": [statistics], "schema": [schema]}, {"anomalies": [anomalies]}, {"exclude_splits": "[]"}
    )
    return anomalies


def _beam(folder: Path) -> BaseBeamExecutor.Context:
    return BaseBeamExecutor.Context(beam_pipeline_args=list(BEAM_ARGUMENTS), tmp_dir=str(folder / "tmp"))


def _instance(row: Mapping[str, float]) -> dict[str, list[float]]:
    return {name: [int(value) if name in LABELS else value] for name, value in row.items()}


def _write_records(records: list[bytes], folder: Path) -> None:
    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), options="GZIP") as writer:
        for record in records:
            writer.write(record)


def _artifact(kind: type, folder: Path) -> standard_artifacts.Model:
    artifact = kind()
    artifact.uri = str(folder)
    return artifact


def _statistics(folder: Path) -> standard_artifacts.ExampleStatistics:
    artifact = _artifact(standard_artifacts.ExampleStatistics, folder)
    artifact.split_names = artifact_utils.encode_split_names(list(SPLITS))
    return artifact
