"""The measures of the bench, and their limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class BoundExceededError(RuntimeError):
    """A measure exceeds its limit; the message names it."""


@dataclass(frozen=True)
class Measure:
    """
    One figure.

    :param name: what was measured; of a ratio ``one / other``.
    :param value: the figure.
    :param bound: the most that it may be.
    :param unit: of both; empty for a ratio.
    """

    name: str
    value: float
    bound: float
    unit: str = ""

    @property
    def beyond(self) -> bool:
        """Return whether the figure exceeds its limit."""
        return self.value > self.bound

    def __str__(self) -> str:
        return f"{self.name}: {_figure(self.value, self.unit)} (at most {_figure(self.bound, self.unit)})"


def print_measures(measures: Sequence[Measure]) -> None:
    """Print each measure with its limit."""
    print("\nMeasures")
    width = max((len(measure.name) for measure in measures), default=0)
    for measure in measures:
        mark = "  exceeds its limit" if measure.beyond else ""
        figure, bound = (_figure(number, measure.unit) for number in (measure.value, measure.bound))
        print(f"  {measure.name:<{width}}  {figure:>10}  at most {bound}{mark}")


def require_bounds(measures: Sequence[Measure]) -> None:
    """
    Compare the measures with their limits.

    :raises BoundExceededError: one exceeds its limit.
    """
    if beyond := [str(measure) for measure in measures if measure.beyond]:
        raise BoundExceededError("; ".join(beyond))


def _figure(number: float, unit: str) -> str:
    return f"{number:.3g} {unit}" if unit else f"{number:.2f}"
