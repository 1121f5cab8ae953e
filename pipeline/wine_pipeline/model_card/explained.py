"""What moved the grades of the known instances, as the served model explains them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from wine_pipeline.data.data_contract import known_instances
from wine_pipeline.features import FEATURE_NAMES, GRADE
from wine_pipeline.learner.explanation import BASELINE_GRADE, EXPLAIN_SIGNATURE
from wine_pipeline.vertex.served_model import ServedModel


@dataclass(frozen=True)
class Explained:
    """
    A wine, and what moved its grade.

    :param measured: its value of each feature.
    :param moved: by how much each feature moves the grade, in grades; their sum is the difference of the next
        two.
    :param average_grade: of the average wine.
    :param grade: of this one.
    """

    measured: Mapping[str, float]
    moved: Mapping[str, float]
    average_grade: float
    grade: float


def explain_known_instances(model: ServedModel) -> list[Explained]:
    """
    Return the explanation of each known instance, that of the lab's wine first.

    :param model: to ask.
    """
    wines = [{name: value for name, (value,) in instance.items()} for instance in known_instances()]
    columns = {name: np.array([[wine[name]] for wine in wines], np.float32) for name in FEATURE_NAMES}
    answers = {name: values[:, 0].tolist() for name, values in model.ask(EXPLAIN_SIGNATURE, columns).items()}
    return [
        Explained(
            measured=wine,
            moved={name: answers[name][number] for name in FEATURE_NAMES},
            average_grade=answers[BASELINE_GRADE][number],
            grade=answers[GRADE][number],
        )
        for number, wine in enumerate(wines)
    ]
