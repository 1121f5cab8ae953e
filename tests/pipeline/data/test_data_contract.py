from __future__ import annotations

import base64
import hashlib
import json
import re
import time

import pytest
import tensorflow as tf
from wine_pipeline.config import ConfigError, WineConfig
from wine_pipeline.data.data_contract import build_data_contract
from wine_pipeline.data.table import job_labels, pinned_query, unchanged_since
from wine_pipeline.features import FEATURE_NAMES

# SHA-256 of the instance in the lab's curl request, as JSON with sorted keys
LAB_INSTANCE = "a27526c8ac01b424e05605116fc0aeca77eb66c8bae083216139986b2cf7b539"

CONTRACT = build_data_contract(WineConfig("white")).model_dump()


def test_the_query_reads_every_column_once_and_the_derived_label() -> None:
    selected = CONTRACT["query"].split(" FROM ")[0]

    for name in FEATURE_NAMES:
        assert selected.count(f"`{name}`") == 1, name
    assert re.findall(r"`quality`", selected) == ["`quality`", "`quality`"]
    assert selected.endswith("CAST(`quality` >= 6 AS INT64) AS `good`")


def test_the_query_is_pinned_to_one_version_of_the_table() -> None:
    query = pinned_query(WineConfig("white"), "wine-local.wine_quality.white_wine", 1700000000123)

    assert query.endswith(
        "FROM `wine-local.wine_quality.white_wine` FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS(1700000000123)"
    )
    assert "{" not in query


def test_a_table_that_has_rested_for_long_is_read_within_the_seven_days_of_history() -> None:
    day = 24 * 3600 * 1000
    now = time.time_ns() // 1_000_000

    assert now - 2 * day < unchanged_since(now - 30 * day) <= time.time_ns() // 1_000_000 - day
    assert unchanged_since(now - day // 2) == now - day // 2 + 1


@pytest.mark.parametrize("grade", [5, 7])
def test_what_counts_as_good_is_configurable(grade: int) -> None:
    contract = build_data_contract(WineConfig("white", good_grade=grade))

    assert f"`quality` >= {grade}" in contract.query


def test_the_columns_are_the_features_and_the_label() -> None:
    columns = CONTRACT["columns"]

    assert set(columns) == {*FEATURE_NAMES, "quality"}
    assert columns["quality"] == {"type": "INT64", "min": 0, "max": 10}
    assert all(columns[name]["type"] == "FLOAT64" for name in FEATURE_NAMES)
    assert CONTRACT["label"] == "quality"


def test_the_outputs_are_a_probability_and_a_grade() -> None:
    grade = {"min": 0.0, "max": 10.0}
    assert CONTRACT["outputs"] == {
        "good": {"min": 0.0, "max": 1.0},
        "grade": grade,
        "grade_low": grade,
        "grade_high": grade,
    }


def test_the_labels_tell_the_wine_the_data_set_and_the_table() -> None:
    labels = job_labels(WineConfig("white"), "wine-local.Wine_Quality.white_wine")

    assert labels == {"wine": "white", "table": "wine_quality-white_wine"}
    assert len(job_labels(WineConfig("white"), f"wine-local.wine_quality.{'a' * 80}")["table"]) == 63


def test_a_table_that_cannot_be_a_label_is_refused() -> None:
    with pytest.raises(ConfigError, match="wine quality-white_wine"):
        job_labels(WineConfig("white"), "wine-local.wine quality.white_wine")


def test_the_sample_instance_is_the_wine_of_the_labs_json_body() -> None:
    text = json.dumps(CONTRACT["sample_instance"], sort_keys=True)

    assert hashlib.sha256(text.encode()).hexdigest() == LAB_INSTANCE


def test_the_sample_example_is_the_same_wine() -> None:
    example = tf.train.Example.FromString(base64.b64decode(CONTRACT["sample_example"]))

    values = {name: list(feature.float_list.value) for name, feature in example.features.feature.items()}
    assert values == {name: pytest.approx(value) for name, value in CONTRACT["sample_instance"].items()}
