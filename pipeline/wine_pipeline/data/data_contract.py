"""The data contract: what a caller must know to run the pipeline and test the model."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from vertex_mlops.contract.data_contract import Column, DataContract, Range

from wine_pipeline.config import EVAL_BUCKETS, SPLIT_BUCKETS, EvaluationConfig, WineConfig
from wine_pipeline.features import (
    FEATURE_NAMES,
    FEATURES,
    GOOD,
    GRADE,
    GRADE_HIGH,
    GRADE_LOW,
    QUALITY,
    QUALITY_MAX,
    QUALITY_MIN,
)

# how far a known instance is from the lab's wine, as a share of the plausible range
_STEP = 0.05


def query_template(config: WineConfig) -> str:
    """
    Return the query that feeds the pipeline, pinned to the table as it was at one moment.

    To be filled by ``str.format`` with ``table`` (project.dataset.table) and ``snapshot`` (that moment, in
    ms since 1970). BigQuery keeps two to seven days of history, as the data set says.

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
    return _example(sample_instance())


def known_instances() -> list[dict[str, list[float]]]:
    """
    Return the instances whose predictions the pipeline reports, to compare with those of deployed models.

    The lab's wine, and two that lie between it and the ends of what is plausible.
    """
    lab = sample_instance()
    towards = ({f.name: f.minimum for f in FEATURES}, {f.name: f.maximum for f in FEATURES})
    return [
        lab,
        *({name: [value + _STEP * (end[name] - value)] for name, (value,) in lab.items()} for end in towards),
    ]


def _example(instance: Mapping[str, list[float]]) -> str:
    # Imported here: nothing else in this module needs the four seconds that TensorFlow takes.
    import tensorflow as tf

    example = tf.train.Example()
    for name, values in instance.items():
        example.features.feature[name].float_list.value.extend(values)
    return base64.b64encode(example.SerializeToString(deterministic=True)).decode("ascii")


def min_rows(evaluation: EvaluationConfig) -> int:
    """
    Return the fewest rows of a table whose split eval can be expected to allow a verdict.

    :param evaluation: has the number of rows that a verdict needs.
    """
    # a hash fills the split unevenly, and tables hold copies: of 1,000 rows with 900 distinct ones, fewer
    # than 150 are in the split once in about 150 tables
    return evaluation.min_eval_rows * SPLIT_BUCKETS * 4 // (EVAL_BUCKETS * 3)


def build_data_contract(config: WineConfig) -> DataContract:
    """
    Return what the compiled file says about the data and the model.

    :param config: of the wine.
    """
    columns = {
        feature.name: Column(type="FLOAT64", min=feature.minimum, max=feature.maximum) for feature in FEATURES
    }
    columns[QUALITY] = Column(type="INT64", min=QUALITY_MIN, max=QUALITY_MAX)
    others = known_instances()[1:]
    return DataContract(
        query=query_template(config),
        columns=columns,
        label=QUALITY,
        min_rows=min_rows(config.evaluation),
        min_label_values=2,
        outputs={
            GOOD: Range(min=0, max=1),
            **{name: Range(min=QUALITY_MIN, max=QUALITY_MAX) for name in (GRADE, GRADE_LOW, GRADE_HIGH)},
        },
        sample_instance=sample_instance(),
        sample_example=sample_example(),
        default_signature=config.serving.default_signature,
        known_instances=others,
        known_examples=[_example(instance) for instance in others],
    )
