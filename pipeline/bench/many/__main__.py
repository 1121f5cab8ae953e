"""Runs the bench on many rows: ``make bench-model ROWS=20000``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor  # type: ignore[import-untyped]

from bench.__main__ import DOCUMENT, quiet
from bench.learners import BLEND, CORES, LEARNERS, Learner, regression
from bench.many.report import TABLE, TEACHER, Result, missed, read_csv, write_csv, write_into
from bench.many.wines import Graded, many_wines, teacher_answers
from bench.wines import Wines

TEST_ROWS = 10_000
SEED = 1


def extra_trees(train: Wines, seed: int) -> Any:
    """Return extremely randomized trees with leaves of 5: with leaves of 1 they overfit the noise."""
    return ExtraTreesRegressor(100, min_samples_leaf=5, n_jobs=CORES, random_state=seed)


OTHERS: dict[str, Learner] = {
    "ExtraTrees, leaves of 5": regression(extra_trees),
    "LightGBM": LEARNERS["LightGBM"],
}


def main(arguments: list[str]) -> int:
    """
    Measure, update docs/, and report whether the pipeline's model reaches the better of the others.

    :param arguments: of the command line.
    """
    parser = argparse.ArgumentParser(prog="bench.many", description=__doc__)
    parser.add_argument("rows", type=int, help="rows to learn from")
    rows = parser.parse_args(arguments).rows
    with quiet() as said:
        graded = many_wines(rows + TEST_ROWS)
        results = []
        for result in measure(graded.take(slice(rows)), graded.take(slice(rows, None))):
            said(f"{rows:,} rows, {result.learner}: MAD {result.mad:.4f}, {result.cpu_seconds:.0f} s of CPU")
            results.append(result)
    kept = [*(one for one in read_csv(TABLE) if one.rows != rows), *results]
    write_csv(TABLE, kept)
    write_into(DOCUMENT, kept)
    failures = missed(results)
    for line in failures:
        print(f"make bench-model: missed: {line}", file=sys.stderr)
    return 1 if failures else 0


def measure(train: Graded, test: Graded) -> Iterator[Result]:
    """
    Yield the figures of the teacher and of each learner.

    :param train: rows to learn from.
    :param test: other rows.
    """
    rows, quality = train.wines.rows, test.wines.quality
    yield Result(rows, TEACHER, float(np.abs(quality - teacher_answers(test)).mean()), 0.0)
    for name, learner in {**OTHERS, BLEND: LEARNERS[BLEND]}.items():
        started = time.process_time()
        grade = learner(train.wines, test.wines, SEED).grade
        seconds = time.process_time() - started
        yield Result(rows, name, float(np.abs(quality - grade).mean()), seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
