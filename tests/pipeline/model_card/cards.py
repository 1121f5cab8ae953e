"""Runs the component that makes a model card on what the components before it leave behind."""

from __future__ import annotations

import json
from pathlib import Path

from tfx.types import standard_artifacts
from tfx.types.experimental.simple_artifacts import File, Metrics
from vertex_mlops.contract.data_contract import DataContract
from wine_pipeline.config import WineConfig
from wine_pipeline.data.data_contract import build_data_contract
from wine_pipeline.evaluation.baseline import KIND
from wine_pipeline.evaluation.reporter import MetricsReporter
from wine_pipeline.model_card.component import ModelCard
from wine_pipeline.model_card.job import JOB_PLACEHOLDER

from tests.pipeline import stages

QUERY = "SELECT * FROM `p.d.t` WHERE ph < 4 AND note = '<script>alert(1)</script>'"


def make_card(
    examples: standard_artifacts.Examples,
    statistics: standard_artifacts.ExampleStatistics,
    verdict: stages.Verdict,
    model: Path,
    baseline: Path,
    kind: str,
    folder: Path,
) -> File:
    """Create the card of a model that was compared with a baseline."""
    evaluation, trained, compared = (
        standard_artifacts.ModelEvaluation(),
        standard_artifacts.Model(),
        standard_artifacts.Model(),
    )
    evaluation.uri, trained.uri, compared.uri = str(verdict.evaluation), str(model), str(baseline)
    compared.set_string_custom_property(KIND, kind)
    metrics, blessing, card = Metrics(), standard_artifacts.ModelBlessing(), File()
    MetricsReporter.EXECUTOR_SPEC.executor_class().Do(
        {"evaluation": [evaluation], "model": [trained], "baseline": [compared]},
        {"metrics": [metrics]},
        {"data_contract": build_data_contract(WineConfig("white")).model_dump_json()},
    )
    blessing.set_int_custom_property("blessed", int(verdict.blessed))
    card.uri = str(folder / "card")
    ModelCard.EXECUTOR_SPEC.executor_class().Do(
        {
            "examples": [examples],
            "statistics": [statistics],
            "baseline": [compared],
            "evaluation": [evaluation],
            "blessing": [blessing],
            "metrics": [_handed_on(metrics)],
        },
        {"model_card": [card]},
        {
            "serving": json.dumps({"name": "wine-white", "git_revision": "0123abc"}),
            "input_config": DataContract.input_config(QUERY),
            "job": JOB_PLACEHOLDER,
        },
    )
    return card


def _handed_on(made: Metrics) -> Metrics:
    """Return the figures as a pipeline job hands them on, through JSON."""
    got = Metrics()
    for name, value in made.mlmd_artifact.custom_properties.items():
        got.set_json_value_custom_property(name, getattr(value, value.WhichOneof("value")))
    return got
