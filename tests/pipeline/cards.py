"""Runs the component that makes a model card on what the components before it leave behind."""

from __future__ import annotations

from pathlib import Path

import tensorflow_data_validation as tfdv
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.experimental.simple_artifacts import File, Metrics
from tfx.utils import io_utils
from wine_pipeline.baseline import KIND
from wine_pipeline.config import EvaluationConfig
from wine_pipeline.model_card.component import ModelCard
from wine_pipeline.model_card.job import JOB_PLACEHOLDER
from wine_pipeline.pipeline import build_input_config
from wine_pipeline.reporter import MetricsReporter

from tests.pipeline import stages

QUERY = "SELECT * FROM `p.d.t` WHERE ph < 4 AND note = '<script>alert(1)</script>'"


def measure(examples: Path, folder: Path) -> standard_artifacts.ExampleStatistics:
    """Write the tfx.ExampleStatistics of the examples, as StatisticsGen does."""
    made = standard_artifacts.ExampleStatistics()
    made.uri, made.split_names = str(folder), artifact_utils.encode_split_names(list(stages.SPLITS))
    for name in stages.SPLITS:
        found = tfdv.generate_statistics_from_tfrecord(f"{examples}/Split-{name}/*")
        io_utils.write_bytes_file(f"{folder}/Split-{name}/FeatureStats.pb", found.SerializeToString())
    return made


def make_card(
    examples: Path, model: Path, baseline: Path, kind: str, config: EvaluationConfig, folder: Path
) -> File:
    """Evaluate a model beside a baseline and make its card."""
    verdict = stages.evaluate(config, examples, model, folder, champion=baseline)
    evaluation, trained, compared = (
        standard_artifacts.ModelEvaluation(),
        standard_artifacts.Model(),
        standard_artifacts.Model(),
    )
    evaluation.uri, trained.uri, compared.uri = str(verdict.evaluation), str(model), str(baseline)
    compared.set_string_custom_property(KIND, kind)
    metrics, blessing, card = Metrics(), standard_artifacts.ModelBlessing(), File()
    MetricsReporter.EXECUTOR_SPEC.executor_class().Do(
        {"evaluation": [evaluation], "model": [trained], "baseline": [compared]}, {"metrics": [metrics]}, {}
    )
    blessing.set_int_custom_property("blessed", int(verdict.blessed))
    card.uri = str(folder / "card")
    given = standard_artifacts.Examples()
    given.uri, given.split_names = str(examples), artifact_utils.encode_split_names(list(stages.SPLITS))
    ModelCard.EXECUTOR_SPEC.executor_class().Do(
        {
            "examples": [given],
            "statistics": [measure(examples, folder / "statistics")],
            "baseline": [compared],
            "evaluation": [evaluation],
            "blessing": [blessing],
            "metrics": [_handed_on(metrics)],
        },
        {"model_card": [card]},
        {
            "pipeline": "wine-white",
            "input_config": build_input_config(QUERY),
            "git_revision": "0123abc",
            "job": JOB_PLACEHOLDER,
        },
    )
    return card


def _handed_on(made: Metrics) -> Metrics:
    """Give the figures as a pipeline job hands them on, through JSON."""
    got = Metrics()
    for name, value in made.mlmd_artifact.custom_properties.items():
        got.set_json_value_custom_property(name, getattr(value, value.WhichOneof("value")))
    return got
