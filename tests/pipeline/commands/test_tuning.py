"""The settings are compared on training rows that they have not learnt from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from wine_pipeline.__main__ import _PARTS, main
from wine_pipeline.commands.tuning import (
    FOLDS,
    SPACES,
    NoTrainingRowsError,
    assign_folds,
    read_training_split,
    tune,
)
from wine_pipeline.config import TrainingConfig
from wine_pipeline.learner.derived import LEARNT_NAMES
from wine_pipeline.learner.trainer import Split

from tests.pipeline import stages
from tests.pipeline.wine_examples import Artifacts, Row

# a model that takes no time
SMALL = TrainingConfig(rotations=1, trees_per_rotation=2)


@pytest.fixture(scope="module")
def split(artifacts: Artifacts) -> Split:
    return read_training_split(str(artifacts.transformed), TrainingConfig().max_rows)


def part_of(split: Split, rows: np.ndarray) -> Split:
    return Split(
        {name: column[rows] for name, column in split.features.items()},
        {name: column[rows] for name, column in split.labels.items()},
    )


def test_only_the_training_rows_are_read(split: Split, wine_rows: list[Row]) -> None:
    train = stages.split(wine_rows)["train"]

    assert split.rows == len(train)
    assert sorted(split.labels["grade"][:, 0]) == sorted(row["quality"] for row in train)


def test_of_more_rows_than_the_trainer_keeps_a_sample_is_read(artifacts: Artifacts) -> None:
    assert read_training_split(str(artifacts.transformed), most=100).rows == 100


def test_each_fold_has_its_share_and_the_copies_of_a_row_are_in_one(split: Split) -> None:
    rows = np.arange(split.rows)
    folds = assign_folds(part_of(split, np.concatenate([rows, rows])))

    np.testing.assert_array_equal(folds[: split.rows], folds[split.rows :])
    counted = np.bincount(folds, minlength=FOLDS)
    assert len(counted) == FOLDS
    assert counted.min() > 0.8 * counted.mean()


def test_the_present_settings_come_first_and_others_are_compared_with_them(split: Split) -> None:
    present, *others = tune(part_of(split, np.arange(0, split.rows, 4)), "kernel", 3, SMALL)

    assert present.settings == {name: getattr(SMALL, name) for name in SPACES["kernel"]}
    assert (present.difference, present.standard_error) == (0, 0)
    assert others
    for trial in others:
        assert trial.settings != present.settings
        assert trial.difference == pytest.approx(trial.mad - present.mad)
        assert trial.standard_error > 0


def test_an_answer_is_never_learnt_from_the_row_that_it_is_measured_on() -> None:
    random = np.random.default_rng(0)
    features = {name: random.normal(size=(200, 1)).astype(np.float32) for name in LEARNT_NAMES}
    grade = random.integers(4, 8, (200, 1)).astype(np.float32)

    (found, *_) = tune(Split(features, {"grade": grade, "good": (grade > 5) * 1.0}), "trees", 1, SMALL)

    # nothing can be learnt from noise but the median; a model that had seen the rows would know their grades
    assert found.mad > 0.8


def test_too_few_rows_are_refused(split: Split) -> None:
    with pytest.raises(NoTrainingRowsError, match=r"\d distinct training rows are too few for 5 folds"):
        next(tune(part_of(split, np.arange(9)), "kernel", 1, SMALL))


def test_the_command_writes_what_it_has_tried(
    artifacts: Artifacts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "tuned.json"
    arguments = ["tune", "--examples", str(artifacts.transformed), "--part", "kernel", "--trials", "1"]

    assert main([*arguments, "--output", str(output)]) == 0

    written = json.loads(output.read_text())
    assert written["best"] == written["trials"][0]["settings"]
    assert [trial["mad"] for trial in written["trials"]] == sorted(t["mad"] for t in written["trials"])
    assert written["present"] == {name: getattr(TrainingConfig(), name) for name in SPACES["kernel"]}
    *lines, best = capsys.readouterr().out.splitlines()
    assert len(lines) == len(written["trials"])
    assert best.startswith("best: ")


def test_a_folder_without_examples_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--examples", str(tmp_path), "--output", str(tmp_path / "tuned.json")]) == 1

    assert capsys.readouterr().err.splitlines()[-1] == (
        f"wine_pipeline: no transformed examples in {tmp_path}/Split-train"
    )


def test_the_command_offers_every_part() -> None:
    assert set(_PARTS) == set(SPACES)


@pytest.mark.parametrize("part", SPACES)
def test_every_setting_exists_and_the_present_value_is_in_the_space(part: str) -> None:
    for name, values in SPACES[part].items():
        assert getattr(TrainingConfig(), name) in values
