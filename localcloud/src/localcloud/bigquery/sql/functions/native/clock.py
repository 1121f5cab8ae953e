"""Times, written and read by a pattern."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/format-elements#format_elements_date_time
_ELEMENT = re.compile(r"%(E4Y|E\*S|E[1-6]S|Ez|-d|.|$)", re.DOTALL)
_OF_DATES = set("AaBbCDdeFGghJjmQUuVWwxYy") | {"E4Y", "-d"}
_OF_TIMES = set("HIklMPpRSTX") | {"E*S", *(f"E{digits}S" for digits in range(1, 7))}
_OF_MOMENTS = set("sZz") | {"Ez"}
_SIGNS = set("nt%")
_KNOWN = {
    "DATE": _OF_DATES | _SIGNS,
    "TIME": _OF_TIMES | _SIGNS,
    "DATETIME": _OF_DATES | _OF_TIMES | _SIGNS | {"c"},
    "TIMESTAMP": _OF_DATES | _OF_TIMES | _OF_MOMENTS | _SIGNS | {"c"},
}
# what Python pads otherwise
_YEARS = set("CcGgYyDFx")
_READ = {
    **{"E4Y": "%Y", "E*S": "%S.%f", "Ez": "%z", "-d": "%d", "e": "%d", "R": "%H:%M", "k": "%H", "l": "%I"},
    **{f"E{digits}S": "%S.%f" for digits in range(1, 7)},
    **{"h": "%b", "P": "%p", "n": " ", "t": " ", "F": "%Y-%m-%d", "T": "%H:%M:%S", "D": "%m/%d/%y"},
}
_UNREAD = set("CGgJQUuVWw")


def format_time(value: datetime, pattern: str, kind: str) -> str:
    """
    Write a time.

    :param kind: the type of the value, such as ``DATE``.
    :raises ValueError: for an element that is not served.
    """

    def element(match: re.Match[str]) -> str:
        name = match[1]
        if name not in _KNOWN[kind] or (name in _YEARS and value.year < 1000):
            raise ValueError(
                f"localcloud's BigQuery does not support FORMAT_{kind} with %{name} in {value.year}"
            )
        return _written(value, name)

    return _ELEMENT.sub(element, pattern)


def _written(value: datetime, name: str) -> str:
    fraction = f"{value.microsecond:06}"
    moment = value.replace(tzinfo=UTC)
    _, week, day = value.isocalendar()
    own = {
        "E4Y": f"{value.year:04}",
        "Ez": "+00:00",
        "E*S": f"{value.second:02}.{fraction.rstrip('0')}".rstrip("."),
        # sqlglot reads %e so
        "-d": f"{value.day:2}",
        "J": f"{7 * (week - 1) + day:03}",
        "Q": str((value.month + 2) // 3),
        "s": str(int((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))),
    }
    if name in own:
        return own[name]
    if re.fullmatch("E[1-6]S", name):
        return f"{value.second:02}.{fraction[: int(name[1])]}"
    return moment.strftime(f"%{name}")


def parse_time(value: str, pattern: str, kind: str) -> datetime:
    """
    Read a time; what the pattern does not name is that of 1970-01-01.

    :param kind: the type of the value, such as ``DATE``.
    :raises ValueError: for a text of another form, and for an element that is not served.
    """
    names = _ELEMENT.findall(pattern)
    for name in names:
        if name not in _KNOWN[kind] and any(name in known for known in _KNOWN.values()):
            raise ValueError(f"Invalid format: %{name} is not allowed for the {kind} type.")
        if name not in _KNOWN[kind] or name in _UNREAD:
            raise ValueError(f"localcloud's BigQuery does not support PARSE_{kind} with %{name}")
    has_year = any(name in ("E4Y", *"YyFDxcs") for name in names)
    if "j" in names and not has_year:
        raise ValueError(f"localcloud's BigQuery does not support PARSE_{kind} with %j without a year")
    try:
        if pattern == "%s":
            return datetime(1970, 1, 1) + timedelta(seconds=int(value))
        moment = _read(value.strip(), pattern)
        if "j" in names and moment.strftime("%j").lstrip("0") not in re.findall(r"(?<!\d)0*(\d+)", value):
            raise ValueError("a day that the year does not have")
    except ValueError as error:
        raise ValueError(f'Failed to parse input string "{value}"') from error
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment if has_year else moment.replace(year=1970)


def _read(value: str, pattern: str) -> datetime:
    """Read a time by Python's elements; a fraction of a second may be missing, and is cut to microseconds."""
    form = _ELEMENT.sub(lambda match: _READ.get(match[1], match[0]), pattern).strip()
    if "%S.%f" not in form:
        return datetime.strptime(value, form)
    try:
        return datetime.strptime(re.sub(r"(\.\d{6})\d+", r"\1", value), form)
    except ValueError:
        return datetime.strptime(value, form.replace("%S.%f", "%S"))
