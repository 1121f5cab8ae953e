"""Synthetic wines: mixtures of real ones, graded by a teacher with a known distribution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.neighbors import NearestNeighbors  # type: ignore[import-untyped]
from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
from wine_pipeline.config import WineConfig
from wine_pipeline.features import GOOD, GRADE
from wine_pipeline.learner.grades import Answers, Grades

from bench.wines import Wines, read_wines

WINE = "white"
SEED = 1
# number of nearest real rows from which the parts of a mixture are drawn
NEIGHBOURS = 10
# real rows that make a wine
PARTS = 3


@dataclass(frozen=True)
class Graded:
    """
    Wines, and how their grades were drawn.

    :param wines: with the grades that were drawn.
    :param probabilities: [rows, grades] of which they were drawn.
    :param grades: [grades] that occur.
    """

    wines: Wines
    probabilities: np.ndarray
    grades: np.ndarray

    def take(self, chosen: slice) -> Graded:
        """
        Return some of the rows.

        :param chosen: which.
        """
        wines = Wines(self.wines.features[chosen], self.wines.quality[chosen])
        return Graded(wines, self.probabilities[chosen], self.grades)


def many_wines(rows: int, seed: int = SEED) -> Graded:
    """
    Return a number of wines, the same ones for the same number and seed.

    A wine is a mixture of a real white one and of two of its neighbours. Its grade is drawn from the
    distribution that a small neural network predicts: a smooth teacher, of another kind than any
    learner of the bench. The network was trained on the real rows.

    :param rows: number of wines.
    :param seed: of the mixtures and of the grades.
    """
    real, teacher = _taught()
    random = np.random.default_rng(seed)
    features = _mixtures(real.features, rows, random)
    probabilities = teacher.predict_proba(_logarithms(features))
    reached = probabilities.cumsum(axis=1)
    drawn = (random.random((rows, 1)) > reached / reached[:, -1:]).sum(axis=1)
    return Graded(Wines(features, teacher.classes_[drawn]), probabilities, teacher.classes_)


@cache
def _taught() -> tuple[Wines, Any]:
    real = read_wines(WINE).without_copies()
    teacher = make_pipeline(
        StandardScaler(),
        MLPClassifier((32,), activation="tanh", alpha=1.0, max_iter=200, random_state=SEED),
    )
    return real, teacher.fit(_logarithms(real.features), real.quality)


def _logarithms(features: np.ndarray) -> np.ndarray:
    return np.log1p(features.astype(np.float64))


def _mixtures(real: np.ndarray, rows: int, random: np.random.Generator) -> np.ndarray:
    scaled = StandardScaler().fit_transform(real)
    _, near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(scaled).kneighbors(scaled)
    first = random.integers(len(real), size=rows)
    others = random.integers(1, NEIGHBOURS + 1, size=(rows, PARTS - 1))
    parts = np.column_stack([first, near[first[:, None], others]])
    shares = random.dirichlet(np.ones(PARTS), size=rows)
    mixed = np.zeros((rows, real.shape[1]))
    for number in range(PARTS):
        mixed += shares[:, [number]] * real[parts[:, number]]
    return mixed.astype(np.float32)


def teacher_answers(graded: Graded) -> np.ndarray:
    """
    Return the grades that the pipeline's model would predict with the teacher's distributions: [rows].

    :param graded: wines and the distributions of their grades.
    """
    labels = graded.grades[:, None]
    grades = Grades.of({GRADE: labels, GOOD: labels >= WineConfig.good_grade})
    answers = Answers(grades)(tf.constant(graded.probabilities, tf.float32))
    middle: np.ndarray = answers[GRADE].numpy()[:, 0]
    return middle
