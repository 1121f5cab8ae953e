"""The Evaluator's figures as properties of an artifact."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from tfx.types import standard_artifacts
from tfx.types.experimental.simple_artifacts import Metrics
from vertex_mlops.contract.reported import CHAMPION_VERSION
from wine_pipeline.config import WineConfig
from wine_pipeline.data.data_contract import build_data_contract
from wine_pipeline.evaluation.answers import MissingOutputError, known_answers
from wine_pipeline.evaluation.baseline import CHAMPION, KIND, MAJORITY
from wine_pipeline.evaluation.metrics import NoEvaluationError, read_metrics
from wine_pipeline.evaluation.reporter import MetricsReporter
from wine_pipeline.vertex.served_model import ServedModel

from tests.pipeline import stages

COMPARED_WITH = "projects/p/locations/r/models/m@3"
# with one instance more than the code that runs would ask for
CONTRACT = build_data_contract(WineConfig("white"))
CONTRACT.known_instances.append({name: [value * 1.01] for name, (value,) in CONTRACT.sample_instance.items()})


def run(evaluation: Path, model: Path, kind: str = CHAMPION) -> Metrics:
    """Run the component's executor as a task of the pipeline does, on a model that has a baseline."""
    given, trained, made = standard_artifacts.ModelEvaluation(), standard_artifacts.Model(), Metrics()
    baseline = standard_artifacts.Model()
    given.uri, trained.uri = str(evaluation), str(model)
    baseline.set_string_custom_property(KIND, kind)
    baseline.set_string_custom_property(CHAMPION_VERSION, COMPARED_WITH)
    MetricsReporter.EXECUTOR_SPEC.executor_class().Do(
        {"evaluation": [given], "model": [trained], "baseline": [baseline]},
        {"metrics": [made]},
        {"data_contract": CONTRACT.model_dump_json()},
    )
    return made


def report(evaluation: Path, model: Path, kind: str = CHAMPION) -> dict[str, float]:
    """Return the figures that it wrote."""
    made = run(evaluation, model, kind)
    properties = made.mlmd_artifact.custom_properties
    return {name: value.double_value for name, value in properties.items() if value.HasField("double_value")}


def test_a_first_model_has_figures_of_the_majority_and_of_no_champion(
    first_verdict: stages.Verdict, majority: standard_artifacts.Model, model: Path
) -> None:
    evaluation = first_verdict.evaluation

    figures = report(evaluation, model, majority.get_string_custom_property(KIND))

    measured = read_metrics(str(evaluation))
    assert measured.baseline is not None
    majority_figures = {f"baseline_{name}": value for name, value in asdict(measured.baseline).items()}
    assert figures == asdict(measured.candidate) | majority_figures


def test_beside_a_champion_both_have_their_figures(worse_verdict: stages.Verdict, worse_model: Path) -> None:
    figures = report(worse_verdict.evaluation, worse_model)

    assert set(figures) == {"auc", "accuracy", "mad", "examples"} | {
        "champion_auc",
        "champion_accuracy",
        "champion_mad",
        "champion_examples",
    }
    assert figures["mad"] > figures["champion_mad"]


def test_without_an_evaluation_the_task_fails(tmp_path: Path) -> None:
    with pytest.raises(NoEvaluationError, match=str(tmp_path)):
        report(tmp_path, tmp_path)


def test_the_served_folder_and_the_answers_to_the_known_instances_of_the_contract_are_told(
    first_verdict: stages.Verdict, model: Path
) -> None:
    made = run(first_verdict.evaluation, model)

    served = made.get_string_custom_property("model_uri")
    assert served == str(model / "Format-Serving")
    assert made.get_string_custom_property("champion_version") == COMPARED_WITH
    answers = json.loads(made.get_string_custom_property("known_answers"))
    exported = ServedModel(served)
    asked = [
        exported.ask(
            "serving_raw", {name: np.array([values], np.float32) for name, values in instance.items()}
        )
        for instance in [CONTRACT.sample_instance, *CONTRACT.known_instances]
    ]
    assert answers == [{name: pytest.approx(float(v[0, 0])) for name, v in each.items()} for each in asked]
    assert len({answer["grade"] for answer in answers}) == len(answers) == 4


def test_an_output_that_the_contract_does_not_name_is_not_told(model: Path) -> None:
    outputs = {name: CONTRACT.outputs[name] for name in ("good", "grade")}
    earlier = CONTRACT.model_copy(update={"outputs": outputs})

    answers = known_answers(str(model / "Format-Serving"), earlier)

    assert {tuple(answer) for answer in answers} == {("good", "grade")}


def test_an_output_of_the_contract_that_the_model_lacks_is_named(
    majority: standard_artifacts.Model,
) -> None:
    with pytest.raises(MissingOutputError, match="does not answer grade_high, grade_low, which the data"):
        known_answers(f"{majority.uri}/Format-Serving", CONTRACT)


def test_a_blessed_model_has_no_reason_against_it(first_verdict: stages.Verdict, model: Path) -> None:
    assert first_verdict.blessed
    made = run(first_verdict.evaluation, model, MAJORITY)
    assert made.get_string_custom_property("verdict") == "blessed"
    assert made.get_string_custom_property("reason") == ""
    assert re.fullmatch(
        r"mean_absolute_error of grade is -0\.\d{4} compared with the majority's on 245 rows,"
        r" with 99% confidence at most -0\.\d{4}",
        made.get_string_custom_property("evidence"),
    )


def test_the_reason_names_each_metric_and_the_bound_that_it_missed(
    strict_verdict: stages.Verdict, model: Path
) -> None:
    reason = run(strict_verdict.evaluation, model).get_string_custom_property("reason")

    assert re.fullmatch(
        r"auc of good is 0\.\d+, must be at least 0\.999; "
        r"mean_absolute_error of grade is \d\.\d+, must be at most 0\.01",
        reason,
    )


def test_the_reason_tells_how_much_worse_than_the_champion_a_model_is(
    worse_verdict: stages.Verdict, worse_model: Path
) -> None:
    made = run(worse_verdict.evaluation, worse_model)

    assert made.get_string_custom_property("verdict") == "not blessed"
    assert re.search(
        r"mean_absolute_error of grade is \+0\.\d{4} compared with the champion's on 245 rows,"
        r" with 99% confidence at most \+0\.\d{4}, allowed is \+0\.015$",
        made.get_string_custom_property("reason"),
    )
