"""Runs the bench: ``make bench-model``, whole or in part."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from absl import logging  # type: ignore[import-not-found]

from bench.bars import missed
from bench.learners import BLEND, LEARNERS
from bench.measures import Result, cross_validate, summarize
from bench.report import markdown, plot, read_csv, write_csv, write_into
from bench.wines import REPOSITORY, Wines, read_wines

WINES = ("red", "white")
PROTOCOLS: dict[str, Callable[[Wines], Wines]] = {
    "paper": lambda wines: wines,
    "leak-free": Wines.without_copies,
}
REPETITIONS = 3
DOCUMENT = REPOSITORY / "docs" / "model.md"
TABLE = REPOSITORY / "docs" / "bench-model.csv"
PLOT = REPOSITORY / "docs" / "images" / "bench-model.svg"


def main(arguments: list[str]) -> int:
    """
    Measure, write the tables of docs/, and report whether the pipeline's model reaches its goals.

    Each result is saved at once, so an interrupted run can be continued.

    :param arguments: of the command line.
    """
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--wine", choices=WINES, help="one wine alone")
    parser.add_argument("--protocol", choices=list(PROTOCOLS), help="one protocol alone")
    parser.add_argument("--learner", choices=list(LEARNERS), help="one learner alone")
    chosen = parser.parse_args(arguments)
    results = []
    for wine in only(WINES, chosen.wine):
        for protocol in only(PROTOCOLS, chosen.protocol):
            for learner in only(LEARNERS, chosen.learner):
                results.append(run(wine, protocol, learner))
                keep(results[-1])
    print(f"\n{markdown(results)}\n")
    write_into(DOCUMENT, read_csv(TABLE))
    plot(PLOT, read_csv(TABLE))
    failures = [line for result in results if result.learner == BLEND for line in missed(result)]
    for line in failures:
        print(f"make bench-model: missed: {line}", file=sys.stderr)
    return 1 if failures else 0


def keep(result: Result) -> None:
    """
    Write a result into the table, replacing an earlier one.

    :param result: of one learner.
    """
    name = (result.wine, result.protocol, result.learner)
    others = [one for one in read_csv(TABLE) if (one.wine, one.protocol, one.learner) != name]
    write_csv(TABLE, [*others, result])


def only(names: Iterable[str], name: str | None) -> list[str]:
    """Return the one name, or all if none is given."""
    return [name] if name else list(names)


def run(wine: str, protocol: str, learner: str) -> Result:
    """
    Measure one learner.

    :param wine: of :data:`WINES`.
    :param protocol: of :data:`PROTOCOLS`.
    :param learner: of ``LEARNERS``.
    """
    wines = PROTOCOLS[protocol](read_wines(wine))
    title = f"{wine}, {protocol}, {learner}"
    print(f"\n{title}: {wines.rows:,} rows", flush=True)
    started = time.monotonic()
    with quiet() as said:
        figures, fits = cross_validate(wines, LEARNERS[learner], REPETITIONS, said)
    result = summarize(wine, protocol, learner, wines, figures, fits)
    print(
        f"  MAD {result.figures.mad:.3f}, {result.figures.accuracy_05:.1f} % within 0.5,"
        f" after {time.monotonic() - started:.0f} s",
        flush=True,
    )
    return result


@contextlib.contextmanager
def quiet() -> Iterator[Callable[[str], None]]:
    """Keep the learners' output out of the progress, which is printed by the yielded function."""
    output = sys.stdout
    logging.set_verbosity(logging.ERROR)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield lambda line: print(f"  {line}", file=output, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
