"""Tables of which hardly anything can be learnt: what a launch without a check of the table says of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tfx.types import standard_artifacts
from vertex_mlops.contract.reported import NOT_JUDGED
from wine_pipeline.evaluation.baseline import MAJORITY

from tests.pipeline import stages
from tests.pipeline.model_card.cards import make_card
from tests.pipeline.wine_examples import Row

# TFX reloads modules: the class that is raised may be a twin of the one that is imported
REFUSED = ValueError


def test_a_split_without_rows_is_named_before_anything_is_learnt(
    wine_rows: list[Row], tmp_path: Path
) -> None:
    # the one row is in eval
    stages.write_examples(wine_rows[:1], tmp_path / "examples")
    statistics = stages.measure(tmp_path / "examples", tmp_path / "statistics")

    with pytest.raises(REFUSED, match=r"^the split train has no rows: the query returned too few$"):
        stages.validate(statistics, tmp_path)


def test_an_eval_split_without_rows_is_named_by_the_evaluator(
    judge: Callable[..., stages.Verdict], model: Path, worse_model: Path, tmp_path: Path
) -> None:
    stages.write_examples([], tmp_path)

    with pytest.raises(REFUSED, match=r"^the split eval has no rows: the query returned too few$"):
        judge(stages.LENIENT, model, worse_model, tmp_path)


@pytest.mark.parametrize(
    ("rows", "same", "reason"),
    [
        (2, {}, "the eval split has 1 distinct row, a verdict needs 150"),
        (
            900,
            {"quality": 6, "good": 1},
            "all 180 rows of the eval split are good, a verdict needs both classes",
        ),
    ],
    ids=["one-row-in-each-split", "one-grade"],
)
def test_what_allows_no_verdict_still_gives_a_model_with_a_card(
    rows: int, same: Row, reason: str, wine_rows: list[Row], tmp_path: Path
) -> None:
    chosen, examples, model = (
        [row | same for row in wine_rows[:rows]],
        tmp_path / "examples",
        tmp_path / "model",
    )
    stages.write_examples(chosen, examples)
    statistics: standard_artifacts.ExampleStatistics = stages.measure(examples, tmp_path / "statistics")
    stages.validate(statistics, tmp_path / "validated")
    stages.transform(chosen, tmp_path / "transformed", tmp_path / "graph")
    stages.train(tmp_path / "transformed", tmp_path / "graph", model, {})
    baseline = Path(stages.baseline(examples, tmp_path / "baseline").uri)

    verdict = stages.evaluate(stages.LENIENT, examples, model, tmp_path / "verdict", baseline)
    card = make_card(stages.examples_of(examples), statistics, verdict, model, baseline, MAJORITY, tmp_path)

    assert not verdict.blessed
    said = json.loads((Path(card.uri) / "model_card.json").read_text(encoding="utf-8"))
    assert (said["verdict"], said["reason"]) == (NOT_JUDGED, reason)
    assert said["metrics"]["examples"] == len(chosen[::5])
