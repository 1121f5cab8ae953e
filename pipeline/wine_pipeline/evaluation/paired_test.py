"""The paired test of two models: what their errors on the same rows tell of which one is better."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

from wine_pipeline.config import EvaluationConfig


@dataclass(frozen=True, slots=True)
class Pair:
    """
    One row of the split eval, with all its exact copies.

    :param difference: absolute error of the new model minus that of the baseline, in grades.
    :param copies: how often the row occurs.
    :param is_good: whether the wine is good.
    """

    difference: float
    copies: int
    is_good: bool


@dataclass(frozen=True)
class PairedTest:
    """
    The result of a paired test.

    :param rows: of the split eval.
    :param distinct_rows: without exact copies, which are no further evidence.
    :param good_rows: rows whose wine is good.
    :param difference: MAD of the new model minus that of the baseline, in grades; None if there are too few
        rows to tell.
    :param standard_error: of the difference.
    :param bound: what the difference is at most, with the confidence of the config.
    """

    rows: int
    distinct_rows: int
    good_rows: int
    difference: float | None
    standard_error: float | None
    bound: float | None

    def not_judged_because(self, config: EvaluationConfig) -> str:
        """
        Return why the rows allow no verdict; empty if they do.

        :param config: has the number of rows that a verdict needs.
        """
        if self.distinct_rows < config.min_eval_rows:
            found = f"{self.distinct_rows} distinct rows" if self.distinct_rows != 1 else "1 distinct row"
            return f"the eval split has {found}, a verdict needs {config.min_eval_rows}"
        if self.good_rows in (0, self.rows):
            kind = "good" if self.good_rows else "not good"
            return f"all {self.rows} rows of the eval split are {kind}, a verdict needs both classes"
        return ""

    def refused_because(self, config: EvaluationConfig, baseline: str) -> str:
        """
        Return why the model must not take over; empty if it may.

        :param config: has the margin and the confidence.
        :param baseline: what the model was compared with, in a word.
        """
        # a NaN is within no margin
        if self.bound is not None and self.bound <= config.mad_margin:
            return ""
        evidence = self.evidence(config, baseline)
        return f"{evidence}, allowed is {config.mad_margin:+g}" if evidence else "too few rows to compare"

    def evidence(self, config: EvaluationConfig, baseline: str) -> str:
        """
        Return by how much the models differ; empty if there are too few rows.

        :param config: has the confidence.
        :param baseline: what the model was compared with, in a word.
        """
        if self.difference is None or self.bound is None:
            return ""
        return (
            f"mean_absolute_error of grade is {self.difference:+.4f} compared with the {baseline}'s"
            f" on {self.rows} rows, with {config.confidence:.0%} confidence at most {self.bound:+.4f}"
        )


def run_paired_test(pairs: Iterable[Pair], confidence: float) -> PairedTest:
    """
    Measure by how much two models differ, with a one-sided upper confidence bound.

    The mean difference of the absolute errors is that of the MADs. Its standard error treats the copies of a
    row as one cluster (the sandwich estimator of a mean, with the factor G / (G - 1)). Sums are exact, so
    that the same rows give the same result in whatever order they come.

    .. seealso:: Cameron and Miller 2015, "A Practitioner's Guide to Cluster-Robust Inference",
        https://doi.org/10.3368/jhr.50.2.317

    :param pairs: one for each distinct row.
    :param confidence: of the bound, in (0.5, 1).
    """
    found = list(pairs)
    rows, distinct = sum(pair.copies for pair in found), len(found)
    good = sum(pair.copies for pair in found if pair.is_good)
    if distinct < 2:
        return PairedTest(rows, distinct, good, None, None, None)
    mean = math.fsum(pair.copies * pair.difference for pair in found) / rows
    squares = math.fsum((pair.copies * (pair.difference - mean)) ** 2 for pair in found)
    error = math.sqrt(distinct / (distinct - 1) * squares) / rows
    return PairedTest(rows, distinct, good, mean, error, mean + NormalDist().inv_cdf(confidence) * error)
