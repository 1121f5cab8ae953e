"""Runs the bench of the gate: ``make bench-gate``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from wine_pipeline.config import EvaluationConfig
from wine_pipeline.data.data_contract import min_rows

from bench.__main__ import WINES, quiet
from bench.gate.answers import Table
from bench.gate.blocks import measure_blocks
from bench.gate.goals import ALL_ROWS, TENTH, missed
from bench.gate.rates import Rate, measure_rates
from bench.gate.report import DOCUMENT, FIGURES, markdown, write_csv, write_into
from bench.wines import read_wines


def main() -> int:
    """Measure, write the tables of docs/, and report whether the gate reaches its goals."""
    started = time.monotonic()
    with quiet() as said:
        rates = []
        for wine in WINES:
            for some in measure(wine, EvaluationConfig()):
                said(f"{time.monotonic() - started:5.0f} s  {wine}, {some[0].table}")
                rates += some
    print(f"\n{markdown(rates)}\n")
    write_csv(FIGURES, rates)
    write_into(DOCUMENT, rates)
    failures = missed(rates)
    for line in failures:
        print(f"make bench-gate: missed: {line}", file=sys.stderr)
    return 1 if failures else 0


def measure(wine: str, config: EvaluationConfig) -> Iterator[list[Rate]]:
    """
    Yield the rates of each table of a wine.

    :param wine: ``red`` or ``white``.
    :param config: of the gate.
    """
    table = Table.of(read_wines(wine))
    least = min_rows(config)
    tables = {
        ALL_ROWS: table.distinct_rows,
        f"{least} distinct rows": least,
        TENTH: table.distinct_rows // 10,
    }
    for name, distinct_rows in tables.items():
        yield measure_rates(wine, name, table, distinct_rows, config)
    yield measure_blocks(wine, table, config)


if __name__ == "__main__":
    sys.exit(main())
