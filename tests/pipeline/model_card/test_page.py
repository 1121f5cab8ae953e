"""The page of a run on Vertex AI: what it says of the job, and of whom anything can be said."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from wine_pipeline.model_card.content import Card
from wine_pipeline.model_card.explained import Explained
from wine_pipeline.model_card.importance import Importance, Importances
from wine_pipeline.model_card.job import Job
from wine_pipeline.model_card.page import write_page
from wine_pipeline.model_card.predictions import Bin, Interval, Predictions, Slice
from wine_pipeline.model_card.statistics import TrainingRows

SLICE = Slice("quality 6", rows=2, mad=0.5, accuracy=1.0, bias=0.25)
# two wines of grade 6, of which the model says 5
CONFUSION = [[2 * (row == 6 and column == 5) for column in range(11)] for row in range(11)]
ANSWERS = Predictions(2, [SLICE], [SLICE], [Bin(2, 0.75, 1.0)], CONFUSION, Interval(0.9, 0.8, 1.5))
FIGURES = {"auc": 0.8, "accuracy": 0.7, "mad": 0.5, "examples": 2}
CARD = Card(
    pipeline="wine-white",
    blessed=True,
    verdict="blessed",
    reason="",
    evidence="the MAD is 0.25 lower",
    metrics=FIGURES,
    compared="majority",
    compared_metrics=FIGURES | {"mad": 0.75},
    bounds={"mad": "at most 0.65"},
    predictions=ANSWERS,
    compared_predictions=ANSWERS,
    importances=Importances(1_234, [Importance("alcohol", 0.25, 0.125, 0.0625)]),
    explained=[
        Explained({"alcohol": 13.8}, {"alcohol": 0.5}, average_grade=5.75, grade=6.25),
        Explained({"alcohol": 9.0}, {"alcohol": -0.25}, average_grade=5.75, grade=5.5),
    ],
    training=TrainingRows(8, []),
    query="SELECT 1",
    git_revision="0123abc",
    job=Job(
        "projects/1/locations/r/pipelineJobs/j",
        {"data_version": "1700000000000", "trigger": "drift"},
        {"Trainer": 61.25, "Evaluator": 5.04},
    ),
)


def text(card: Card) -> str:
    """Return what a reader sees, in single spaces."""
    body = write_page(card).partition("</style>")[2]
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_the_run_is_named_with_its_cause_and_the_time_of_its_data() -> None:
    page = text(CARD)

    assert "pipeline job projects/1/locations/r/pipelineJobs/j" in page
    assert "trigger drift" in page
    assert "data version 1700000000000: the table as of 2023-11-14 22:13:20 UTC" in page


def test_each_feature_has_its_importance_with_the_error() -> None:
    page = text(CARD)

    assert "alcohol 0.250 +0.125 ± 0.062" in page
    assert "1,234 wines, copies left out; of more than 2,000, a sample." in page


def test_each_known_instance_has_what_moved_its_grade() -> None:
    page = text(CARD)

    assert "lab's wine moves grade by instance 2 moves grade by alcohol 13.8 +0.500 9 -0.250" in page
    assert "grade of the average wine 5.750 5.750 grade of this wine 6.250 5.500" in page


def test_each_task_has_its_seconds_in_the_order_of_the_run() -> None:
    assert "task seconds Trainer 61.2 Evaluator 5.0" in text(CARD)


def test_a_blessed_model_may_serve() -> None:
    assert "Blessed : it may serve." in text(CARD)
    assert "Paired test: the MAD is 0.25 lower." in text(CARD)
    assert "MAD of the grade 0.5000 0.7500 -0.2500 at most 0.65" in text(CARD)


def test_a_model_that_was_not_judged_says_why_and_shows_no_test() -> None:
    page = text(replace(CARD, blessed=False, verdict="not judged", reason="14 distinct rows", evidence=""))

    assert "Not judged : 14 distinct rows." in page
    assert "Paired test" not in page


@pytest.mark.parametrize("field", ["pipeline", "reason", "evidence", "query", "git_revision", "compared"])
def test_what_others_have_written_is_text(field: str) -> None:
    page = write_page(
        replace(CARD, blessed=False, verdict="not blessed", **{field: "</style><img src=x>&amp;"})
    )

    assert "<img" not in page
    assert "&lt;img src=x&gt;&amp;amp;" in page
