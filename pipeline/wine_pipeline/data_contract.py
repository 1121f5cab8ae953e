"""What a caller must know to feed the pipeline and to test the model, written into the compiled file."""

from __future__ import annotations

import base64
from typing import Any

from wine_pipeline.config import WineConfig
from wine_pipeline.features import FEATURE_NAMES, FEATURES, GOOD, GRADE, QUALITY, QUALITY_MAX, QUALITY_MIN


def query_template(config: WineConfig) -> str:
    """
    Return the query that feeds the pipeline, pinned to the table as it was at one moment.

    To be filled by ``str.format`` with ``table`` (project.dataset.table) and ``snapshot`` (that moment, in
    ms since 1970). BigQuery keeps seven days of history.

    :param config: decides from which grade on a wine is good.
    """
    columns = ", ".join(f"`{name}`" for name in (*FEATURE_NAMES, QUALITY))
    return (
        f"SELECT {columns}, CAST(`{QUALITY}` >= {config.good_grade} AS INT64) AS `{GOOD}` "  # noqa: S608 (every name is a constant)
        "FROM `{table}` FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({snapshot})"
    )


def sample_instance() -> dict[str, list[float]]:
    """Return the lab's wine as an instance for ``serving_raw``."""
    return {feature.name: [feature.lab_wine] for feature in FEATURES}


def sample_example() -> str:
    """Return the lab's wine as a tf.Example in base64, for ``serving_examples``."""
    # Imported here: nothing else in this module needs the four seconds that TensorFlow takes.
    import tensorflow as tf

    example = tf.train.Example()
    for feature in FEATURES:
        example.features.feature[feature.name].float_list.value.append(feature.lab_wine)
    return base64.b64encode(example.SerializeToString(deterministic=True)).decode("ascii")


def build_data_contract(config: WineConfig) -> dict[str, Any]:
    """
    Return the ``dataContract`` of the compiled file.

    :param config: of the wine.
    """
    columns: dict[str, dict[str, Any]] = {
        feature.name: {"type": "FLOAT64", "min": feature.minimum, "max": feature.maximum}
        for feature in FEATURES
    }
    columns[QUALITY] = {"type": "INT64", "min": QUALITY_MIN, "max": QUALITY_MAX}
    return {
        "query": query_template(config),
        "columns": columns,
        "label": QUALITY,
        "outputs": {
            GOOD: {"min": 0.0, "max": 1.0},
            GRADE: {"min": float(QUALITY_MIN), "max": float(QUALITY_MAX)},
        },
        "sample_instance": sample_instance(),
        "sample_example": sample_example(),
        "default_signature": config.serving.default_signature,
    }
