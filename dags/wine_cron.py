"""Check a cron expression as Airflow reads it: with croniter, in UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from croniter import CroniterBadDateError, CroniterError, croniter

# a run that finds nothing new occupies a worker for about a minute, and the next one waits for it
MIN_INTERVAL_MINUTES = 5
_DAY_MINUTES = 24 * 60
# https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/cron.html#cron-presets
_PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
_FIELDS = "five cron fields: minute, hour, day of the month, month, day of the week"
_CHARACTERS = re.compile(r"[0-9A-Za-z*/,#? -]+")
# croniter draws another time in each process for R: https://github.com/pallets-eco/croniter#keyword-expressions
_RANDOM = re.compile(r"(^|[ ,])R(?![A-Z])", re.IGNORECASE)


def cron_expression(value: str) -> str:
    """
    Check a cron expression.

    croniter also takes six fields with seconds and seven with years, and Airflow passes them on.

    :param value: the expression, or one of Airflow's presets.
    :raises ValueError: it is no preset and does not have five valid fields, never fires, or fires too often.
    """
    if value in _PRESETS:
        return value
    if value.startswith("@"):
        raise ValueError(f"must be {_FIELDS}; or one of {', '.join(_PRESETS)}")
    if len(value.split()) != 5:
        raise ValueError(f"must be {_FIELDS}")
    if not _CHARACTERS.fullmatch(value) or _RANDOM.search(value):
        raise ValueError("must be five cron fields of digits, names and */,-#?")
    try:
        # it returns lists of numbers, or of * for all
        minutes, hours = croniter.expand(value)[0][:2]
        croniter(value, datetime.now(UTC)).get_next()
    except CroniterBadDateError:
        raise ValueError("must be a time that exists: it never comes") from None
    except CroniterError as error:
        raise ValueError(f"must be a valid cron expression: {' '.join(str(error).split())}") from None
    if _shortest_interval(minutes, hours) < MIN_INTERVAL_MINUTES:
        raise ValueError(f"must leave at least {MIN_INTERVAL_MINUTES} minutes between two runs")
    return value


def _shortest_interval(minutes: Sequence[int | str], hours: Sequence[int | str]) -> int:
    """Return minutes; the last time of a day is compared with the first one of the next."""
    times = sorted(60 * hour + minute for hour in _numbers(hours, 24) for minute in _numbers(minutes, 60))
    return min(later - earlier for earlier, later in pairwise([*times, times[0] + _DAY_MINUTES]))


def _numbers(field: Sequence[int | str], count: int) -> list[int]:
    return list(range(count)) if "*" in field else [int(number) for number in field]
