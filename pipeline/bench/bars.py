"""The goals of the pipeline's model, and the results of the paper."""

from __future__ import annotations

from dataclasses import dataclass

from bench.measures import Result

FIT_SECONDS = 60.0


@dataclass(frozen=True)
class Bar:
    """
    Minimum results.

    :param accuracy_05: per cent of the wines within half a grade.
    :param mad: greatest mean absolute deviation, in grades.
    """

    accuracy_05: float
    mad: float


BARS = {
    ("red", "paper"): Bar(68.0, 0.41),
    ("white", "paper"): Bar(68.0, 0.42),
    ("red", "leak-free"): Bar(62.4, 0.467),
    ("white", "leak-free"): Bar(57.6, 0.513),
}

PAPER = {"red": Bar(62.4, 0.46), "white": Bar(64.6, 0.45)}
"""The paper's support vector machine."""


def missed(result: Result) -> list[str]:
    """
    Return a line for each bar that the result misses.

    :param result: of the pipeline's model.
    """
    bar, figures = BARS[result.wine, result.protocol], result.figures
    where = f"{result.wine}, {result.protocol}"
    seconds = result.seconds + result.transform_seconds
    found = {
        f"{where}: {figures.accuracy_05:.1f} % within 0.5, at least {bar.accuracy_05} required": (
            figures.accuracy_05 >= bar.accuracy_05
        ),
        f"{where}: MAD {figures.mad:.3f}, at most {bar.mad} required": figures.mad <= bar.mad,
        f"{where}: {seconds:.0f} s per fit, at most {FIT_SECONDS:.0f} required": seconds <= FIT_SECONDS,
    }
    return [line for line, holds in found.items() if not holds]
