"""The columns of a wine: the only place with their names, types and plausible ranges."""

from __future__ import annotations

from dataclasses import dataclass

QUALITY = "quality"
QUALITY_MIN = 0
QUALITY_MAX = 10

GOOD = "good"
"""Label derived from the grade, and the model's output for its probability."""

GRADE = "grade"
"""The model's output for the :data:`QUALITY` to expect: the value with the least mean absolute deviation."""

GRADE_LOW, GRADE_HIGH = "grade_low", "grade_high"
"""The model's outputs for the interval that holds the grade with a probability of :data:`COVERAGE`."""

COVERAGE = 0.8


@dataclass(frozen=True)
class Feature:
    """
    One physicochemical measurement, a FLOAT64 column.

    :param name: column in BigQuery, key in tf.Example and input of ``serving_raw``.
    :param minimum: smallest plausible value; anything below is a broken measurement.
    :param maximum: largest plausible value.
    :param lab_wine: its value in the wine that the lab sends to the endpoint.
    :param skewed: its distribution has a long right tail.
    """

    name: str
    minimum: float
    maximum: float
    lab_wine: float
    skewed: bool = False


# named where others are derived from them: learner/derived.py
FIXED_ACIDITY = Feature("fixed_acidity", 0.0, 25.0, 4.7)  # g/l tartaric acid
VOLATILE_ACIDITY = Feature("volatile_acidity", 0.0, 4.0, 0.785, skewed=True)  # g/l acetic acid
SUGAR = Feature("residual_sugar", 0.0, 200.0, 3.4, skewed=True)  # g/l
FREE_SULFUR = Feature("free_sulfur_dioxide", 0.0, 500.0, 23.0, skewed=True)  # mg/l
TOTAL_SULFUR = Feature("total_sulfur_dioxide", 0.0, 1000.0, 134.0)  # mg/l
DENSITY = Feature("density", 0.95, 1.1, 0.98981)  # g/ml
PH = Feature("ph", 2.0, 5.0, 3.53)
ALCOHOL = Feature("alcohol", 5.0, 25.0, 13.8)  # % by volume

FEATURES: tuple[Feature, ...] = (
    FIXED_ACIDITY,
    VOLATILE_ACIDITY,
    Feature("citric_acid", 0.0, 4.0, 0.0),  # g/l
    SUGAR,
    Feature("chlorides", 0.0, 2.0, 0.036, skewed=True),  # g/l sodium chloride
    FREE_SULFUR,
    TOTAL_SULFUR,
    DENSITY,
    PH,
    Feature("sulphates", 0.0, 5.0, 0.92, skewed=True),  # g/l potassium sulphate
    ALCOHOL,
)

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
