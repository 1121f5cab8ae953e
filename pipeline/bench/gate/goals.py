"""Goals of the gate."""

from __future__ import annotations

from bench.gate.rates import BOUNDS, FIRST, Rate

# largest share of each event, on any table
AT_MOST = {"worse by 0.02": 0.01}
# blocks of consecutive rows are not a random sample: none may pass
BROKEN_LOADS = ("40 consecutive rows", "200 consecutive rows")
# smallest share of each event, on all rows of a wine
AT_LEAST = {"better by 0.02": 0.9, FIRST: 0.9}
# largest share of equally good models that each bound rejects, on all rows of a wine
MOST_REFUSED = 0.02

ALL_ROWS, TENTH = "all rows", "a tenth of the rows"


def missed(rates: list[Rate]) -> list[str]:
    """
    Return a line for each goal that is missed.

    :param rates: of the bench.
    """
    return [line for rate in rates if (line := _missed(rate))]


def _missed(rate: Rate) -> str:
    what = f"{rate.wine}, {rate.table}: {rate.event}: {rate.count} of {rate.of}"
    most = AT_MOST.get(rate.event)
    if most is None and rate.event in BOUNDS and rate.table == ALL_ROWS:
        most = MOST_REFUSED
    if rate.table in BROKEN_LOADS and rate.event == "passes":
        most = 0.0
    if most is not None and rate.share > most:
        return f"{what}, at most {most:.0%} required"
    least = AT_LEAST.get(rate.event) if rate.table == ALL_ROWS else None
    return f"{what}, at least {least:.0%} required" if least is not None and rate.share < least else ""
