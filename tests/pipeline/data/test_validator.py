"""Which examples stop the pipeline."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from tensorflow_transform.tf_metadata import schema_utils
from tfx.types import standard_artifacts
from wine_pipeline.data.schema import build_schema
from wine_pipeline.features import FEATURES

from tests.pipeline import stages
from tests.pipeline.wine_examples import Row

# TFX reloads modules: the class that is raised may be a twin of AnomaliesError
REFUSED = ValueError
ODD = [
    ("alcohol", 60.0, "Unexpectedly high value"),
    ("density", 0.5, "Unexpectedly low value"),
    ("ph", math.nan, "NaN"),
    ("chlorides", math.inf, "Inf"),
    ("quality", 11, "Unexpectedly large value"),
]


def validate(rows: list[Row], folder: Path) -> None:
    stages.validate(stages.measure_in_memory(rows, folder / "statistics"), folder)


def test_real_wines_pass_and_the_verdict_is_written(
    statistics: standard_artifacts.ExampleStatistics, tmp_path: Path
) -> None:
    anomalies = stages.validate(statistics, tmp_path)

    assert anomalies.get_json_value_custom_property("blessed") == {"train": 1, "eval": 1}


def test_what_is_just_plausible_passes(wine_rows: list[Row], tmp_path: Path) -> None:
    ends = [
        {f.name: end for f, end in zip(FEATURES, ends, strict=True)}
        for ends in ([f.minimum for f in FEATURES], [f.maximum for f in FEATURES])
    ]

    validate(wine_rows + [wine_rows[0] | end for end in ends for _ in range(5)], tmp_path)


def test_statistics_gen_finds_every_odd_value_as_the_generators_alone_do(
    wine_rows: list[Row], tmp_path: Path
) -> None:
    rows = [*wine_rows]
    rows[1] = rows[1] | {column: value for column, value, _ in ODD}
    rows[0] = {name: value for name, value in rows[0].items() if name != "sulphates"}
    stages.write_examples(rows, tmp_path / "examples")
    statistics = stages.measure(tmp_path / "examples", tmp_path / "statistics")

    with pytest.raises(REFUSED) as error:
        stages.validate(statistics, tmp_path / "by_component")
    with pytest.raises(REFUSED) as alone:
        validate(rows, tmp_path / "alone")

    causes = str(error.value).split("; ")
    assert len(causes) == len(ODD) + 1
    for cause, (column, _, anomaly) in zip(causes[:-1], sorted(ODD), strict=True):
        assert re.match(rf"{column} in the split train: .*{anomaly}", cause)
    assert causes[-1].startswith("sulphates in the split eval: ")
    assert str(alone.value) == str(error.value)


@pytest.mark.parametrize(("column", "value", "anomaly"), ODD)
def test_a_single_odd_value_stops_the_pipeline_with_its_feature_and_split(
    column: str, value: float, anomaly: str, wine_rows: list[Row], tmp_path: Path
) -> None:
    rows = [*wine_rows]
    rows[1] = rows[1] | {column: value}

    with pytest.raises(REFUSED, match=rf"^{column} in the split train: .*{anomaly}") as error:
        validate(rows, tmp_path)

    assert "eval" not in str(error.value)
    assert (tmp_path / "anomalies" / "Split-train" / "SchemaDiff.pb").is_file()


def test_a_value_that_is_missing_stops_the_pipeline(wine_rows: list[Row], tmp_path: Path) -> None:
    rows = [*wine_rows]
    rows[0] = {name: value for name, value in rows[0].items() if name != "sulphates"}

    with pytest.raises(REFUSED, match=r"^sulphates in the split eval: "):
        validate(rows, tmp_path)


def test_a_column_that_is_missing_and_one_that_is_odd_are_both_named(
    wine_rows: list[Row], tmp_path: Path
) -> None:
    rows = [{name: value for name, value in row.items() if name != "ph"} for row in wine_rows]
    rows[1] = rows[1] | {"alcohol": 60.0}

    with pytest.raises(
        REFUSED, match=r"^alcohol in the split train: .*; ph in the split train: .*; ph in the split eval"
    ):
        validate(rows, tmp_path)


def test_what_the_schema_declares_is_what_transform_takes() -> None:
    spec = schema_utils.schema_as_feature_spec(build_schema()).feature_spec

    assert set(spec) == {*(feature.name for feature in FEATURES), *stages.LABELS}
    assert {tuple(column.shape) for column in spec.values()} == {(1,)}
