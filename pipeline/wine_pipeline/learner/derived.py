"""What a wine's measurements say together: columns that Transform adds and that no client sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from wine_pipeline.features import (
    ALCOHOL,
    DENSITY,
    FEATURE_NAMES,
    FIXED_ACIDITY,
    FREE_SULFUR,
    PH,
    SUGAR,
    TOTAL_SULFUR,
    VOLATILE_ACIDITY,
    Feature,
)

# pK1 of sulfurous acid: at this pH half of the free sulfur dioxide is molecular, the form that protects
_HALF_MOLECULAR_PH = 1.81
# g/ml by which a wine is lighter per % of alcohol, and heavier per g/l of sugar
_LIGHTER_BY_ALCOHOL = 0.0013
_HEAVIER_BY_SUGAR = 0.00038
# g/l below which a measurement is broken or rounded to zero
_LEAST_ACIDITY = 0.1
_LEAST_SUGAR = 0.1

Wine = Mapping[str, tf.Tensor]


def _positive(wine: Wine, feature: Feature, least: float = 0.0) -> tf.Tensor:
    # A broken measurement must not become NaN at serving time.
    return tf.maximum(wine[feature.name], least)


def _free_sulfur_share(wine: Wine) -> tf.Tensor:
    return tf.math.log((_positive(wine, FREE_SULFUR) + 1) / (_positive(wine, TOTAL_SULFUR) + 2))


def _bound_sulfur(wine: Wine) -> tf.Tensor:
    return tf.math.log1p(tf.maximum(wine[TOTAL_SULFUR.name] - wine[FREE_SULFUR.name], 0))


def _molecular_sulfur(wine: Wine) -> tf.Tensor:
    molecular_share = 1 / (1 + tf.pow(tf.cast(10, tf.float64), wine[PH.name] - _HALF_MOLECULAR_PH))
    return tf.math.log1p(_positive(wine, FREE_SULFUR) * molecular_share)


def _other_density(wine: Wine) -> tf.Tensor:
    lighter, heavier = _LIGHTER_BY_ALCOHOL * wine[ALCOHOL.name], _HEAVIER_BY_SUGAR * wine[SUGAR.name]
    return wine[DENSITY.name] + lighter - heavier


def _volatile_share(wine: Wine) -> tf.Tensor:
    fixed = _positive(wine, FIXED_ACIDITY, _LEAST_ACIDITY)
    # Some wines have next to none.
    return tf.math.log(_positive(wine, VOLATILE_ACIDITY) / fixed + 1e-4)


def _sweetness(wine: Wine) -> tf.Tensor:
    fixed = _positive(wine, FIXED_ACIDITY, _LEAST_ACIDITY)
    return tf.math.log(_positive(wine, SUGAR, _LEAST_SUGAR) / fixed)


_DERIVATIONS: dict[str, Callable[[Wine], tf.Tensor]] = {
    "free_sulfur_share": _free_sulfur_share,
    "bound_sulfur": _bound_sulfur,
    "molecular_sulfur": _molecular_sulfur,
    "other_density": _other_density,
    "volatile_share": _volatile_share,
    "sweetness": _sweetness,
}

DERIVED_NAMES: tuple[str, ...] = tuple(_DERIVATIONS)

LEARNT_NAMES: tuple[str, ...] = (*FEATURE_NAMES, *DERIVED_NAMES)
"""Inputs of the Keras model: what Transform writes, without the labels."""


def derive(wine: Wine) -> list[tf.Tensor]:
    """
    Return the derived columns, not scaled, in the order of :data:`DERIVED_NAMES`.

    :param wine: [rows, 1] float64 per feature, as measured.
    """
    return [derivation(wine) for derivation in _DERIVATIONS.values()]
