"""What a new model is compared with."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tfx import v1 as tfx
from tfx.types import standard_artifacts
from wine_pipeline.evaluation.baseline import KIND, BaselineModel, ChampionGoneError
from wine_pipeline.evaluation.majority import NoRowsError, count_majority
from wine_pipeline.evaluation.metrics import read_metrics
from wine_pipeline.evaluation.verdict import read_verdict
from wine_pipeline.vertex.served_model import ServedModel

from tests.pipeline import stages
from tests.pipeline.wine_examples import Artifacts, Row


def answers(made: standard_artifacts.Model, signature: str, rows: list[Row]) -> dict[str, np.ndarray]:
    """Predict the grades of wines with a baseline."""
    served = ServedModel(f"{made.uri}/Format-Serving")
    if signature == "serving_raw":
        names = [name for name in rows[0] if name not in stages.LABELS]
        columns = {name: np.array([[row[name]] for row in rows], np.float32) for name in names}
        return served.ask(signature, columns)
    examples = np.array([stages.to_example(row).SerializeToString() for row in rows], object)
    return served.ask(signature, {"examples": examples})


@pytest.mark.parametrize("signature", ["serving_examples", "serving_raw", "serving_default"])
def test_without_a_champion_it_always_says_the_majority_of_the_training_split(
    signature: str, majority: standard_artifacts.Model, wine_rows: list[Row]
) -> None:
    train = stages.split(wine_rows)["train"]
    grades, counts = np.unique([row["quality"] for row in train], return_counts=True)
    good = float(np.mean([row["good"] for row in train]) > 0.5)
    said = answers(majority, signature, wine_rows[:3])
    np.testing.assert_array_equal(said["grade"], [[grades[counts.argmax()]]] * 3)
    np.testing.assert_array_equal(said["good"], [[good]] * 3)
    assert majority.get_string_custom_property(KIND) == "majority"


def test_it_is_counted_in_the_training_split_alone(tmp_path: Path, wine_rows: list[Row]) -> None:
    rows = [row | {"quality": 3, "good": 0} if number % 5 else row for number, row in enumerate(wine_rows)]
    stages.write_examples(rows, tmp_path / "examples")

    said = answers(
        stages.baseline(tmp_path / "examples", tmp_path / "made"), "serving_examples", wine_rows[:1]
    )

    assert (said["grade"].item(), said["good"].item()) == (3, 0)


def test_of_two_grades_that_are_as_frequent_the_lower_is_the_majority(
    tmp_path: Path, wine_rows: list[Row]
) -> None:
    rows = [wine_rows[0] | {"quality": grade, "good": 1} for grade in (0, 7, 7, 5, 5)]
    stages.write_examples(rows, tmp_path)

    assert count_majority(f"{tmp_path}/Split-train/*").grade == 5


def test_a_split_without_rows_has_no_majority(tmp_path: Path) -> None:
    with pytest.raises(NoRowsError, match=str(tmp_path)):
        count_majority(f"{tmp_path}/*")


def test_the_latest_blessed_model_is_the_champion(
    artifacts: Artifacts, model: Path, wine_rows: list[Row], tmp_path: Path
) -> None:
    made = stages.baseline(artifacts.examples, tmp_path, latest_blessed=model)

    trained = standard_artifacts.Model()
    trained.uri = str(model)
    said, wanted = (answers(of, "serving_examples", wine_rows[:5]) for of in (made, trained))
    np.testing.assert_array_equal(said["grade"], wanted["grade"])
    assert made.get_string_custom_property(KIND) == "champion"


def test_a_champion_whose_files_are_gone_is_named(artifacts: Artifacts, tmp_path: Path) -> None:
    with pytest.raises(ChampionGoneError, match=str(tmp_path / "deleted")):
        stages.baseline(artifacts.examples, tmp_path / "made", latest_blessed=tmp_path / "deleted")


def test_a_first_model_better_than_the_majority_is_blessed(
    first_verdict: stages.Verdict,
) -> None:
    figures = read_metrics(str(first_verdict.evaluation))

    assert first_verdict.blessed
    assert figures.baseline is not None
    assert figures.baseline.auc == pytest.approx(0.5)
    assert figures.baseline.examples == figures.candidate.examples
    assert figures.candidate.mad < figures.baseline.mad


def test_a_first_model_worse_than_the_majority_is_not_blessed_whatever_the_bounds(
    judge: Callable[..., stages.Verdict],
    majority: standard_artifacts.Model,
    wine_rows: list[Row],
    tmp_path: Path,
) -> None:
    stages.write_examples([row | {"quality": 3, "good": 0} for row in wine_rows], tmp_path / "bad")
    stages.baseline(tmp_path / "bad", tmp_path / "worse")

    verdict = judge(stages.LENIENT, tmp_path / "worse", Path(majority.uri))

    assert not verdict.blessed
    reason = read_verdict(str(verdict.evaluation), "majority").reason
    assert "mean_absolute_error of grade is +2." in reason
    assert re.search(
        r" compared with the majority's on 245 rows, with 99% confidence at most \+2\.\d{4}, ", reason
    )
    assert reason.endswith("allowed is +0.015")


def test_tfxs_own_runner_makes_the_majority_where_nothing_was_blessed_before(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    examples = tfx.dsl.Importer(
        source_uri=str(artifacts.examples),
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": '["train", "eval"]'},
    )
    blessed = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=standard_artifacts.ModelBlessing),
    ).with_id("resolver")
    baseline = BaselineModel(
        examples=examples.outputs["result"], latest_blessed=blessed.outputs["model"], registered_model=""
    )
    memory = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(tmp_path / "memory.db"))

    tfx.orchestration.LocalDagRunner().run(
        tfx.dsl.Pipeline(
            pipeline_name="wine",
            pipeline_root=str(tmp_path),
            components=[examples, blessed, baseline],
            metadata_connection_config=memory,
        )
    )

    (made,) = (tmp_path / "BaselineModel" / "baseline").iterdir()
    assert (made / "Format-Serving" / "saved_model.pb").is_file()
