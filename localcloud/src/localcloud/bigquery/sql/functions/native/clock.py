"""Times, written and read by a pattern."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta


def format_time(value: datetime, pattern: str) -> str:
    """
    Write a time.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/format-elements#format_elements_date_time
    """

    def element(match: re.Match[str]) -> str:
        digits = match[1]
        fraction = f"{value.microsecond:06}"
        if digits == "4Y":
            return f"{value.year:04}"
        if digits == "z":
            return "+00:00"
        if digits == "*S":
            return f"{value.second:02}.{fraction.rstrip('0')}".rstrip(".")
        return f"{value.second:02}.{fraction[: int(digits[:-1])]}"

    # sqlglot reads %e so
    pattern = pattern.replace("%-d", "%e")
    pattern = re.sub(r"%E(4Y|z|\*S|[1-6]S)", element, pattern)
    pattern = pattern.replace("%Q", str((value.month + 2) // 3))
    moment = value.replace(tzinfo=UTC)
    return moment.strftime(pattern.replace("%s", str(int(moment.timestamp()))))


def parse_time(value: str, pattern: str) -> datetime:
    """
    Read a time; what the pattern does not name is that of 1970-01-01.

    :raises ValueError: for a text of another form.
    """
    for element, meaning in _PARSED.items():
        pattern = pattern.replace(element, meaning)
    has_year = re.search(r"%[YyGs]", pattern) is not None
    try:
        if pattern == "%s":
            return datetime(1970, 1, 1) + timedelta(seconds=int(value))
        moment = datetime.strptime(value.strip(), pattern)
    except ValueError as error:
        raise ValueError(f'Failed to parse input string "{value}"') from error
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment if has_year else moment.replace(year=1970)


_PARSED = {
    "%E4Y": "%Y",
    "%E*S": "%S.%f",
    "%Ez": "%z",
    "%-d": "%d",
    "%e": "%d",
    "%R": "%H:%M",
    "%k": "%H",
    "%l": "%I",
    "%h": "%b",
    "%P": "%p",
}
