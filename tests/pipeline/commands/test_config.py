from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from wine_pipeline.config import (
    ConfigError,
    EvaluationConfig,
    ServingConfig,
    Target,
    TrainingConfig,
    WineConfig,
)


@pytest.mark.parametrize(
    ("make", "values", "named"),
    [
        (WineConfig, {"wine": "White Wine"}, "White Wine"),
        (WineConfig, {"wine": ""}, "wine"),
        (WineConfig, {"wine": "9-white"}, "9-white"),
        (WineConfig, {"wine": "white_dry"}, "white_dry"),
        (WineConfig, {"wine": "w" * 32}, "1 to 31"),
        (WineConfig, {"wine": "white", "good_grade": 11}, "good_grade"),
        (WineConfig, {"wine": "white", "good_grade": 0}, "good_grade"),
        (ServingConfig, {"default_signature": "serving_default"}, "serving_raw or serving_examples"),
        (TrainingConfig, {"kernel_length": 0.0}, "kernel_length"),
        (TrainingConfig, {"kernel_power": 0.0}, "kernel_power"),
        (TrainingConfig, {"derived_weight": 0.0}, "derived_weight"),
        (TrainingConfig, {"landmarks": 0}, "landmarks"),
        (TrainingConfig, {"max_rows": 0}, "max_rows"),
        (TrainingConfig, {"tree_rows": -1}, "tree_rows"),
        (TrainingConfig, {"leaves": 0}, "leaves"),
        (TrainingConfig, {"rotations": 0}, "rotations"),
        (TrainingConfig, {"trees_per_rotation": 0}, "trees_per_rotation"),
        (TrainingConfig, {"split_columns": 0}, "split_columns"),
        (TrainingConfig, {"seed": -1}, "seed"),
        (EvaluationConfig, {"min_auc": 1.2}, "min_auc"),
        (EvaluationConfig, {"max_mad": -0.1}, "max_mad"),
        (EvaluationConfig, {"mad_margin": -0.1}, "mad_margin"),
        (EvaluationConfig, {"confidence": 0.5}, "confidence"),
        (EvaluationConfig, {"min_eval_rows": 1}, "min_eval_rows"),
        (ServingConfig, {"min_replicas": 2, "max_replicas": 1}, "max_replicas"),
        (TrainingConfig, {"rotations": True}, "rotations must be a whole number, not true"),
        (TrainingConfig, {"rotations": 1.5}, "rotations must be a whole number, not 1.5"),
        (TrainingConfig, {"kernel_power": float("nan")}, "kernel_power must be a finite number, not nan"),
        (TrainingConfig, {"kernel_length": 10**400}, "kernel_length must be a finite number, not 1000"),
        (TrainingConfig, {"kernel_length": "0.1"}, "kernel_length must be a finite number, not '0.1'"),
        (EvaluationConfig, {"max_mad": float("inf")}, "max_mad must be a finite number, not inf"),
        (EvaluationConfig, {"min_auc": True}, "min_auc must be a finite number, not true"),
        (ServingConfig, {"prebuilt": 1}, "prebuilt must be True or False, not 1"),
        (ServingConfig, {"machine_type": "big"}, "machine_type must be like n1-standard-4, not 'big'"),
        (WineConfig, {"wine": "white", "good_grade": 6.5}, "good_grade must be a whole number, not 6.5"),
        (
            Target,
            {"project": "wine-local", "region": "europe-west1-b", "bucket": "wine"},
            "region must be a region like europe-west1, without a zone, not 'europe-west1-b'",
        ),
        (
            Target,
            {"project": "wine-local", "region": "europe-west1", "bucket": "wine", "image": "a b"},
            "image must be like REGISTRY/PATH/NAME:TAG .*, not 'a b'",
        ),
        (Target, {"project": "Wine", "region": "europe-west1", "bucket": "wine"}, "project"),
        (Target, {"project": "wine-local", "region": "Belgium", "bucket": "wine"}, "region"),
        (Target, {"project": "wine-local", "region": "europe-west1", "bucket": "gs://wine"}, "bucket"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_it(
    make: Any, values: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=named) as refused:
        make(**values)

    assert "\n" not in str(refused.value)


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        WineConfig("white").good_grade = 7  # type: ignore[misc]


def test_the_wine_is_read_off_its_table() -> None:
    assert WineConfig.from_table("white_wine").name == "wine-white"


def test_a_table_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="'beers' must end in '_wine'"):
        WineConfig.from_table("beers")


def test_the_training_settings_survive_the_way_to_the_trainer() -> None:
    config = TrainingConfig(rotations=3, kernel_length=0.01)

    carried = json.loads(json.dumps(config.to_custom_config()))

    assert TrainingConfig.from_custom_config(carried) == config


def test_the_task_image_is_the_projects_own_unless_one_is_given() -> None:
    own = Target("wine-local", "europe-west1", "wine-bucket")
    given = Target("wine-local", "europe-west1", "wine-bucket", image="registry/wine:2")

    assert own.task_image.startswith("europe-west1-docker.pkg.dev/wine-local/")
    assert given.task_image == "registry/wine:2"
