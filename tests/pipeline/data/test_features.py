from __future__ import annotations

import pytest
from wine_pipeline.features import FEATURE_NAMES, FEATURES, QUALITY, QUALITY_MAX, QUALITY_MIN

from tests.pipeline.wine_examples import read_uci


@pytest.mark.parametrize("wine", ["white", "red"])
def test_every_real_wine_is_plausible(wine: str) -> None:
    rows = read_uci(wine)

    for feature in FEATURES:
        values = [row[feature.name] for row in rows]
        assert feature.minimum <= min(values), feature.name
        assert max(values) <= feature.maximum, feature.name
    assert all(QUALITY_MIN <= row[QUALITY] <= QUALITY_MAX for row in rows)


def test_the_lab_wine_is_plausible() -> None:
    assert all(feature.minimum <= feature.lab_wine <= feature.maximum for feature in FEATURES)


def test_there_are_eleven_features_and_none_twice() -> None:
    assert len(FEATURE_NAMES) == len(set(FEATURE_NAMES)) == 11
