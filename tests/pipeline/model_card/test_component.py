"""The card of a real model, next to that of a better one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tfx.types import standard_artifacts
from wine_pipeline.data.data_contract import known_instances
from wine_pipeline.evaluation.baseline import CHAMPION, MAJORITY
from wine_pipeline.evaluation.metrics import read_metrics
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.vertex.served_model import ServedModel

from tests.pipeline import stages
from tests.pipeline.model_card.cards import QUERY, make_card
from tests.pipeline.wine_examples import Artifacts, Row


class Reader(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.headings: list[str] = []
        self.texts: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside in ("h1", "h2", "h3") and data.strip():
            self.headings.append(data)
        if self._inside != "style":
            self.texts.append(data)


@dataclass(frozen=True)
class Made:
    """
    A card.

    :param page: what it says to a person.
    :param source: the same as HTML.
    :param data: what it says to a machine.
    :param evaluation: folder of the tfx.ModelEvaluation.
    :param folder: of the run.
    :param address: of the page, as the artifact tells it.
    """

    page: Reader
    source: str
    data: dict[str, Any]
    evaluation: Path
    folder: Path
    address: str


@pytest.fixture(scope="module")
def made(
    artifacts: Artifacts,
    statistics: standard_artifacts.ExampleStatistics,
    worse_verdict: stages.Verdict,
    worse_model: Path,
    model: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Made:
    """Return a model that is worse than its champion."""
    folder = tmp_path_factory.mktemp("run")
    examples = stages.examples_of(artifacts.examples)
    card = make_card(examples, statistics, worse_verdict, worse_model, model, CHAMPION, folder)
    address = card.get_string_custom_property("page")
    source = Path(address).read_text(encoding="utf-8")
    page = Reader()
    page.feed(source)
    data = json.loads((Path(card.uri) / "model_card.json").read_text(encoding="utf-8"))
    return Made(page, source, data, worse_verdict.evaluation, folder, address)


def test_the_artifact_tells_where_the_page_is(made: Made) -> None:
    assert made.address == str(made.folder / "card" / "model_card.html")


def test_the_page_needs_nothing_beside_it_and_runs_nothing(made: Made) -> None:
    assert "script" not in made.page.tags
    assert made.page.addresses == []
    assert "url(" not in made.source
    assert "@import" not in made.source


def test_what_the_query_says_is_shown_as_text(made: Made) -> None:
    assert QUERY in made.page.texts
    assert "<script>" not in made.source


def test_a_model_that_is_not_blessed_has_its_reason_on_the_card(made: Made) -> None:
    assert made.data["blessed"] is False
    assert "Not blessed" in made.page.texts
    assert made.data["verdict"] == "not blessed"
    assert "mean_absolute_error of grade is +0." in "".join(made.page.texts)
    assert f"Paired test: {made.data['evidence']}." in made.page.texts
    assert made.data["bounds"]["mad"] == "at most 10, difference with 99% confidence at most +0.015"


def test_its_figures_and_those_of_the_champion_are_the_evaluators(made: Made) -> None:
    evaluation = read_metrics(str(made.evaluation))

    assert evaluation.baseline is not None
    assert made.data["compared"] == "champion"
    assert made.data["metrics"]["mad"] == evaluation.candidate.mad
    assert made.data["compared_metrics"]["mad"] == evaluation.baseline.mad
    for figures in (evaluation.candidate, evaluation.baseline):
        assert f"{figures.mad:.4f}" in made.page.texts
    assert f"{evaluation.candidate.mad - evaluation.baseline.mad:+.4f}" in made.page.texts


@pytest.mark.parametrize("slices", ["grades", "quartiles"])
@pytest.mark.parametrize(
    ("predictions", "metrics"), [("predictions", "metrics"), ("compared_predictions", "compared_metrics")]
)
def test_the_slices_add_up_to_what_the_evaluator_measured(
    made: Made, slices: str, predictions: str, metrics: str
) -> None:
    found = made.data[predictions][slices]
    rows = [each["rows"] for each in found]

    assert sum(rows) == made.data[metrics]["examples"]
    for name in ("mad", "accuracy"):
        mean = np.average([each[name] for each in found], weights=rows)
        assert mean == pytest.approx(made.data[metrics][name], abs=1e-5)


def test_each_grade_of_the_eval_split_is_a_slice(made: Made, wine_rows: list[Row]) -> None:
    grades = {int(row["quality"]) for row in stages.split(wine_rows)["eval"]}

    assert {each["name"] for each in made.data["predictions"]["grades"]} == {f"quality {g}" for g in grades}


def test_the_alcohol_is_cut_at_the_quartiles_of_the_training_rows(made: Made, wine_rows: list[Row]) -> None:
    splits = stages.split(wine_rows)
    quartiles = np.quantile([row["alcohol"] for row in splits["train"]], [0.25, 0.5, 0.75])

    found = made.data["predictions"]["quartiles"]

    bounds = [float(each["name"].split()[-1]) for each in found[:3]]
    assert bounds == pytest.approx(quartiles, abs=0.15)
    edges = [-np.inf, *bounds, np.inf]
    counted, _ = np.histogram([row["alcohol"] for row in splits["eval"]], edges)
    assert [each["rows"] for each in found] == pytest.approx(counted, abs=12)


def test_the_confusion_has_each_wine_in_the_row_of_its_grade(made: Made) -> None:
    confusion = np.array(made.data["predictions"]["confusion"])

    rows = {f"quality {grade}": int(row.sum()) for grade, row in enumerate(confusion) if row.any()}
    assert rows == {each["name"]: each["rows"] for each in made.data["predictions"]["grades"]}


def test_a_better_model_is_right_more_often_in_the_confusion(made: Made) -> None:
    worse, better = (
        np.trace(np.array(made.data[name]["confusion"])) for name in ("predictions", "compared_predictions")
    )

    assert better > worse


def test_the_calibration_has_each_wine_once_and_the_share_of_the_good_ones(
    made: Made, wine_rows: list[Row]
) -> None:
    good = [row["good"] for row in stages.split(wine_rows)["eval"]]

    bins = made.data["compared_predictions"]["calibration"]

    assert sum(each["rows"] for each in bins) == len(good)
    assert sum(each["rows"] * each["share"] for each in bins) == pytest.approx(sum(good))
    assert [each["probability"] for each in bins] == sorted(each["probability"] for each in bins)


def test_the_interval_is_that_of_the_served_model_on_the_eval_split(
    made: Made, model: Path, wine_rows: list[Row]
) -> None:
    rows = stages.split(wine_rows)["eval"]
    quality = np.array([[row["quality"]] for row in rows])
    columns = {name: np.array([[row[name]] for row in rows], np.float32) for name in FEATURE_NAMES}
    answers = ServedModel(str(model / "Format-Serving")).ask("serving_raw", columns)

    found = made.data["compared_predictions"]["interval"]

    low, high = answers["grade_low"], answers["grade_high"]
    assert found["within"] == pytest.approx(np.mean((low <= quality) & (quality <= high)), abs=0.005)
    assert found["width"] == pytest.approx(np.mean(high - low), abs=1e-4)
    assert 0.7 < found["covered"] < found["within"]
    assert f"{found['within']:.1%}" in made.page.texts


def test_beside_a_model_without_an_interval_the_card_shows_its_own(
    artifacts: Artifacts,
    statistics: standard_artifacts.ExampleStatistics,
    first_verdict: stages.Verdict,
    model: Path,
    majority: standard_artifacts.Model,
    tmp_path: Path,
) -> None:
    examples = stages.examples_of(artifacts.examples)

    card = make_card(examples, statistics, first_verdict, model, Path(majority.uri), MAJORITY, tmp_path)

    data = json.loads((Path(card.uri) / "model_card.json").read_text(encoding="utf-8"))
    assert data["predictions"]["interval"]["width"] > 0
    assert data["compared_predictions"]["interval"] is None
    page = Path(card.get_string_custom_property("page")).read_text(encoding="utf-8")
    assert f"<td>{data['predictions']['interval']['within']:.1%}</td><td></td>" in page


def test_each_feature_has_an_importance(made: Made) -> None:
    found = made.data["importances"]["features"]

    assert {each["name"] for each in found} == set(FEATURE_NAMES)
    shifts = [each["shift"] for each in found]
    assert shifts == sorted(shifts, reverse=True)


def test_the_importances_are_of_every_wine_of_the_eval_split(made: Made, wine_rows: list[Row]) -> None:
    different = {tuple(row.values()) for row in stages.split(wine_rows)["eval"]}

    assert made.data["importances"]["wines"] == len(different)
    assert f" {len(different):,} wines, copies left out;" in "".join(made.page.texts)


def test_the_grade_of_each_known_instance_is_explained(made: Made, worse_model: Path) -> None:
    answers = ServedModel(str(worse_model / "Format-Serving"))
    found = made.data["explained"]

    assert [each["measured"] for each in found] == [
        {name: value for name, (value,) in instance.items()} for instance in known_instances()
    ]
    for each in found:
        columns = {name: np.array([[value]], np.float32) for name, value in each["measured"].items()}
        assert each["grade"] == pytest.approx(answers.ask("serving_raw", columns)["grade"].item(), abs=1e-4)
        assert sum(each["moved"].values()) == pytest.approx(each["grade"] - each["average_grade"], abs=1e-4)
        assert f"{each['moved']['alcohol']:+.3f}" in made.page.texts
        assert f"{each['grade']:.3f}" in made.page.texts


def test_the_features_are_measured_on_the_training_rows(made: Made, wine_rows: list[Row]) -> None:
    train = stages.split(wine_rows)["train"]
    found = {each["name"]: each for each in made.data["training"]["features"]}

    assert made.data["training"]["rows"] == len(train)
    assert set(found) == set(train[0])
    values = [row["alcohol"] for row in train]
    assert found["alcohol"]["mean"] == pytest.approx(np.mean(values), rel=1e-5)
    assert found["alcohol"]["maximum"] == pytest.approx(max(values), rel=1e-6)
    assert sum(found["alcohol"]["counts"]) == pytest.approx(len(train), rel=0.01)


def test_every_section_has_its_heading(made: Made) -> None:
    assert made.page.headings == [
        "Model card of wine-white",
        "Metrics compared with the champion",
        "Interval of 80%",
        "Slices",
        "By grade",
        "By alcohol",
        "Calibration and confusion",
        "What the grade depends on",
        "What moves the grades of the known instances",
        "Features",
        "Data and code",
        "Query",
        "Duration of each task",
    ]


def test_without_vertex_ai_the_card_says_that_no_task_was_timed(made: Made) -> None:
    assert made.data["job"] is None
    assert "The pipeline did not run on Vertex AI, which measures it." in made.page.texts
    assert "0123abc" in made.page.texts
