"""Functions of DATE, TIME, DATETIME and TIMESTAMP."""

from __future__ import annotations

import re

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.functions.casts import convert, googlesql_name
from localcloud.bigquery.sql.functions.nodes import Translation, arguments, call, cast, number, text, written
from localcloud.bigquery.sql.functions.numbers import finite
from localcloud.bigquery.sql.functions.types import INTEGERS, Types

# The session's time zone is UTC, as BigQuery's is.
# Sources: https://cloud.google.com/bigquery/docs/reference/standard-sql/date_functions, timestamp_functions,
# datetime_functions and time_functions next to it
MACROS = r"""
CREATE TEMP MACRO bq_seconds(n) AS bq_range(make_timestamptz(CAST(n AS BIGINT) * 1000000));
CREATE TEMP MACRO bq_millis(n) AS bq_range(make_timestamptz(CAST(n AS BIGINT) * 1000));
CREATE TEMP MACRO bq_micros(n) AS bq_range(make_timestamptz(CAST(n AS BIGINT)));
CREATE TEMP MACRO bq_unix(t, unit) AS
    CAST((epoch_us(t) - ((epoch_us(t) % unit) + unit) % unit) // unit AS BIGINT);
CREATE TEMP MACRO bq_units(a, b, unit) AS CAST((epoch_us(a) - epoch_us(b)) // unit AS BIGINT);
CREATE TEMP MACRO bq_hour(h) AS CASE WHEN h BETWEEN 0 AND 23 OR h IS NULL THEN h
    ELSE bq_fail(concat('Invalid hour: ', h)) END;
CREATE TEMP MACRO bq_make_time(h, m, s) AS make_time(bq_hour(h), m, s);
CREATE TEMP MACRO bq_make_timestamp(y, mo, d, h, m, s) AS make_timestamp(y, mo, d, bq_hour(h), m, s);
CREATE TEMP MACRO bq_week_from(x, weekday) AS (dayofyear(x) + 6 - (dayofweek(x) - weekday + 7) % 7) // 7;
"""
_MICROSECONDS = {
    "MICROSECOND": 1,
    "MILLISECOND": 1_000,
    "SECOND": 1_000_000,
    "MINUTE": 60_000_000,
    "HOUR": 3_600_000_000,
    "DAY": 86_400_000_000,
}
_WEEKDAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
_DATE_UNITS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
_UNITS = {
    "DATE": _DATE_UNITS,
    "DATETIME": (*_MICROSECONDS, *_DATE_UNITS[1:]),
    "TIMESTAMP": tuple(_MICROSECONDS),
    "TIME": tuple(_MICROSECONDS)[:-1],
}
_DUCKDB = {"DATE": "DATE", "DATETIME": "TIMESTAMP", "TIMESTAMP": "TIMESTAMPTZ", "TIME": "TIME"}


def unit_of(node: exp.Expr | None) -> str:
    """Return a date part as it is written, such as ``WEEK(MONDAY)``."""
    found = re.sub(r"['\" ]", "", node.sql("bigquery")).upper() if node else "DAY"
    return "WEEK" if found == "WEEK(SUNDAY)" else found


def _week_starts(unit: str) -> int | None:
    """Return the day that weeks start with, 0 for Sunday; None if the unit is no week."""
    if unit in ("WEEK", "ISOWEEK"):
        return int(unit == "ISOWEEK")
    named = re.fullmatch(r"WEEK\((\w+)\)", unit)
    return _WEEKDAYS.index(named[1]) if named and named[1] in _WEEKDAYS else None


def _as(value: exp.Expr, types: Types, kind: str) -> exp.Expr:
    """Read a value as a type of time, as literals and arguments are."""
    target = exp.DataType.build(kind, dialect="bigquery")
    return convert(value, types.of(value), target) or value


def _kind(value: exp.Expr, types: Types, default: str) -> str:
    """Return the type of a value of time; that of the function's name where the value is text or unknown."""
    found = googlesql_name(types.of(value))
    return found if found in _DUCKDB else default


def _shift(default: str, sign: int) -> Translation:
    def translate(node: exp.Func, types: Types) -> exp.Expr:
        kind = _kind(node.this, types, default)
        unit = unit_of(node.args.get("unit"))
        if unit not in _UNITS[kind]:
            raise failure("invalidQuery", f"{written(node)} does not support the {unit} date part")
        amount = cast(node.expression, "BIGINT")
        if sign < 0:
            amount = exp.Neg(this=exp.paren(amount))
        if unit == "QUARTER":
            amount, unit = exp.Mul(this=exp.paren(amount), expression=number(3)), "MONTH"
        if unit in ("DAY", "WEEK", "MONTH", "YEAR"):
            amount = cast(exp.paren(amount), "INTEGER")
        step = call(f"to_{unit.lower()}s", amount)
        moved = cast(
            exp.paren(exp.Add(this=_as(node.this, types, kind).copy(), expression=step)), _DUCKDB[kind]
        )
        return moved if kind == "TIME" else call("bq_range", moved)

    return translate


def _difference(default: str) -> Translation:
    """
    Count whole units between TIMESTAMPs, and boundaries between values of the other types.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/timestamp_functions#timestamp_diff,
    datetime_functions#datetime_diff next to it, and DiffDatetimes in
    https://github.com/google/googlesql/blob/master/googlesql/public/functions/date_time_util.h
    """

    def translate(node: exp.Func, types: Types) -> exp.Expr:
        kind = _kind(node.this, types, default)
        later, earlier = (_as(value, types, kind) for value in (node.this, node.expression))
        unit = unit_of(node.args.get("unit"))
        if kind == "TIMESTAMP":
            if unit not in _MICROSECONDS:
                raise failure("invalidQuery", f"{written(node)} does not support the {unit} date part")
            return call("bq_units", later, earlier, number(_MICROSECONDS[unit]))
        return _boundaries(node, kind, unit, later, earlier)

    return translate


def _boundaries(node: exp.Func, kind: str, unit: str, later: exp.Expr, earlier: exp.Expr) -> exp.Expr:
    start = _week_starts(unit)
    if start is not None:
        # DuckDB's weeks start on Monday
        shift = call("to_days", number((8 - start) % 7))
        weeks = [
            call("date_trunc", text("week"), exp.Add(this=value.copy(), expression=shift.copy()))
            for value in (earlier, later)
        ]
        return exp.paren(exp.IntDiv(this=call("date_diff", text("day"), *weeks), expression=number(7)))
    elif unit == "ISOYEAR":
        return exp.paren(exp.Sub(this=call("isoyear", later), expression=call("isoyear", earlier)))
    elif unit not in _UNITS[kind]:
        raise failure("invalidQuery", f"{written(node)} does not support the {unit} date part")
    if kind == "TIME":
        day = exp.cast(text("1970-01-01"), "DATE")
        later, earlier = (exp.Add(this=day.copy(), expression=value.copy()) for value in (later, earlier))
    return call("date_diff", text(unit.lower()), earlier, later)


def _truncate(default: str) -> Translation:
    def translate(node: exp.Func, types: Types) -> exp.Expr:
        zone = node.args.get("zone")
        kind = _kind(node.this, types, default)
        moment = _as(node.this, types, kind)
        unit = unit_of(node.args.get("unit"))
        if kind == "DATE" and unit in tuple(_MICROSECONDS)[:-1]:
            raise failure("invalidQuery", f"{written(node)} does not support the {unit} date part")
        if kind == "TIME":
            if unit not in _UNITS[kind]:
                raise failure("invalidQuery", f"{written(node)} does not support the {unit} date part")
            moment = exp.Add(this=exp.cast(text("1970-01-01"), "DATE"), expression=moment.copy())
            moment = exp.paren(moment)
        if zone is None:
            return cast(_truncated(node, moment, unit), _DUCKDB[kind])
        local = call("timezone", zone, moment)
        return call("timezone", zone, cast(_truncated(node, local, unit), "TIMESTAMP"))

    return translate


def _truncated(node: exp.Func, moment: exp.Expr, unit: str) -> exp.Expr:
    start = _week_starts(unit)
    if start is not None:
        shift = call("to_days", number((8 - start) % 7))
        weeks = call("date_trunc", text("week"), exp.Add(this=moment.copy(), expression=shift.copy()))
        return exp.paren(exp.Sub(this=weeks, expression=shift))
    if unit == "ISOYEAR":
        fourth = call("make_date", call("isoyear", moment), number(1), number(4))
        return call("date_trunc", text("week"), fourth)
    if unit not in _UNITS["DATETIME"]:
        raise failure("invalidQuery", f"{written(node)} does not support the {unit} date part")
    return call("date_trunc", text(unit.lower()), moment)


def _extract(node: exp.Extract, types: Types) -> exp.Expr:
    part, value = unit_of(node.this), node.expression
    if _kind(value, types, "") == "DATE" and part in (*tuple(_MICROSECONDS)[:-1], "TIME"):
        raise failure("invalidQuery", f"EXTRACT from DATE does not support the {part} date part")
    if part in ("DATE", "TIME", "DATETIME"):
        return cast(cast(value, "TIMESTAMP"), _DUCKDB[part])
    moment = value if _kind(value, types, "") == "TIME" else cast(value, "TIMESTAMP")
    start = _week_starts(part)
    if part == "ISOWEEK":
        return call("weekofyear", moment)
    if start is not None:
        return call("bq_week_from", moment, number(start))
    if part == "DAYOFWEEK":
        return exp.paren(exp.Add(this=call("dayofweek", moment), expression=number(1)))
    if part in ("MILLISECOND", "MICROSECOND"):
        within = 1_000_000 // _MICROSECONDS[part]
        return exp.paren(
            exp.Mod(this=call("date_part", text(part.lower()), moment), expression=number(within))
        )
    if part in ("DAYOFYEAR", "ISOYEAR", "YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"):
        return call("date_part", text(part.lower().replace("dayofyear", "doy")), moment)
    raise unsupported(f"EXTRACT of {part}")


def _format(node: exp.TimeToStr, types: Types) -> exp.Expr:
    value, pattern, *zone = arguments(node, "this", "format", "zone")
    kind = googlesql_name(types.of(value)) or "TIMESTAMP"
    named = written(node).removeprefix("SAFE.").removeprefix("FORMAT_")
    if kind == "TIME":
        value = exp.Add(this=exp.cast(text("1970-01-01"), "DATE"), expression=value.copy())
    if zone:
        if re.search(r"%(E?z|Z|c|s)", pattern.name):
            raise unsupported(f"{written(node)} of a time zone in another zone")
        value = call("timezone", zone[0], value)
    return call("bq_strftime", cast(value, "TIMESTAMP"), pattern, text(named))


def _parse(kind: str) -> Translation:
    def translate(node: exp.Func, types: Types) -> exp.Expr:
        value, pattern, *zone = arguments(node, "this", "format", "zone", "default_year")[:3]
        zone = [node.args["zone"]] if node.args.get("zone") else []
        moment = call("bq_strptime", value, pattern, text(kind))
        if kind == "TIMESTAMP":
            return call("timezone", *(zone or [text("UTC")]), moment)
        return cast(moment, _DUCKDB[kind])

    return translate


def _to(kind: str) -> Translation:
    """Return the translation of a function that turns one value into another type of time."""

    def translate(node: exp.Func, types: Types) -> exp.Expr:
        value, *zone = arguments(node, "this", "zone")
        if not zone:
            return cast(_as(value, types, kind), _DUCKDB[kind])
        if kind == "TIMESTAMP":
            return call("timezone", zone[0], cast(_as(value, types, "DATETIME"), "TIMESTAMP"))
        return cast(call("timezone", zone[0], _as(value, types, "TIMESTAMP")), _DUCKDB[kind])

    return translate


def _datetime(node: exp.Datetime, types: Types) -> exp.Expr:
    value, *second = arguments(node, "this", "expression")
    if not second:
        return cast(_as(value, types, "DATETIME"), "TIMESTAMP")
    if googlesql_name(types.of(second[0])) == "TIME":
        return exp.paren(exp.Add(this=cast(value, "DATE"), expression=second[0].copy()))
    return call("timezone", second[0], cast(_as(value, types, "TIMESTAMP"), "TIMESTAMPTZ"))


def _now(kind: str) -> Translation:
    def translate(node: exp.Func, types: Types) -> exp.Expr:
        zone = arguments(node, "this")
        if kind == "TIMESTAMP":
            return call("now")
        return cast(call("timezone", *(zone or [text("UTC")]), call("now")), _DUCKDB[kind])

    return translate


def _string(node: exp.String, types: Types) -> exp.Expr:
    value, *zone = arguments(node, "this", "zone")
    if zone and not (isinstance(zone[0], exp.Literal) and zone[0].name.upper() == "UTC"):
        raise unsupported("STRING with a time zone other than UTC")
    return call("bq_text", value)


def _last_day(node: exp.LastDay, types: Types) -> exp.Expr:
    unit = unit_of(node.args.get("unit")) if node.args.get("unit") else "MONTH"
    moment = _as(node.this, types, _kind(node.this, types, "DATE"))
    start = _week_starts(unit)
    if unit == "ISOYEAR":
        fourth = call("make_date", call("isoyear", moment), number(1), number(4))
        after = call("date_trunc", text("week"), exp.Add(this=fourth, expression=call("to_years", number(1))))
        return _day_before(after)
    length = (
        call("to_days", number(7))
        if start is not None
        else call("to_months", number({"MONTH": 1, "QUARTER": 3, "YEAR": 12}.get(unit, 0)))
    )
    if start is None and unit not in ("MONTH", "QUARTER", "YEAR"):
        raise unsupported(f"LAST_DAY of {unit}")
    return _day_before(exp.Add(this=_truncated(node, cast(moment, "DATE"), unit), expression=length))


def _day_before(after: exp.Expr) -> exp.Expr:
    day = exp.Sub(this=exp.paren(after), expression=call("to_days", number(1)))
    return call("bq_range", cast(exp.paren(day), "DATE"))


def _unix(unit: str) -> Translation:
    return lambda node, types: call(
        "bq_unix", _as(node.this, types, "TIMESTAMP"), number(_MICROSECONDS[unit])
    )


def _from_unix(node: exp.UnixToTime, types: Types) -> exp.Expr:
    scale = int(node.args["scale"].find(exp.Literal).name) if node.args.get("scale") else 0
    return call({0: "bq_seconds", 3: "bq_millis", 6: "bq_micros"}[scale], node.this)


def _sum_of_days(node: exp.Binary, types: Types) -> exp.Expr | None:
    """Add days to a DATE, or take them away."""
    sides = [node.this, node.expression]
    if exp.DType.DATE not in map(types.of, sides) or not any(types.of(side) in INTEGERS for side in sides):
        return finite(node, types)
    left, right = (cast(side, "INTEGER") if types.of(side) in INTEGERS else side.copy() for side in sides)
    return call("bq_range", exp.paren(type(node)(this=left, expression=right)))


def _difference_of(node: exp.Sub, types: Types) -> exp.Expr | None:
    if (
        googlesql_name(types.of(node.this)) in _DUCKDB
        and googlesql_name(types.of(node.expression)) in _DUCKDB
    ):
        raise unsupported("the type INTERVAL; use DATE_DIFF and the like")
    return _sum_of_days(node, types)


def _parts(name: str, *keys: str, seconds: str = "") -> Translation:
    def translate(node: exp.Func, types: Types) -> exp.Expr:
        return call(
            name,
            *(
                cast(part, "DOUBLE") if key == seconds else part
                for key, part in zip(keys, arguments(node, *keys), strict=True)
            ),
        )

    return translate


TRANSLATIONS: dict[type[exp.Expr], Translation] = {
    exp.DateAdd: _shift("DATE", 1),
    exp.DateSub: _shift("DATE", -1),
    exp.DatetimeAdd: _shift("DATETIME", 1),
    exp.DatetimeSub: _shift("DATETIME", -1),
    exp.TimestampAdd: _shift("TIMESTAMP", 1),
    exp.TimestampSub: _shift("TIMESTAMP", -1),
    exp.TimeAdd: _shift("TIME", 1),
    exp.TimeSub: _shift("TIME", -1),
    exp.DateDiff: _difference("DATE"),
    exp.DatetimeDiff: _difference("DATETIME"),
    exp.TimestampDiff: _difference("TIMESTAMP"),
    exp.TimeDiff: _difference("TIME"),
    exp.DateTrunc: _truncate("DATE"),
    exp.DatetimeTrunc: _truncate("DATETIME"),
    exp.TimestampTrunc: _truncate("TIMESTAMP"),
    exp.TimeTrunc: _truncate("TIME"),
    exp.Extract: _extract,
    exp.AtTimeZone: lambda node, types: call(
        "timezone", node.args["zone"], cast(_as(node.this, types, "TIMESTAMP"), "TIMESTAMPTZ")
    ),
    exp.TimeToStr: _format,
    exp.StrToDate: _parse("DATE"),
    exp.StrToTime: _parse("TIMESTAMP"),
    exp.ParseDatetime: _parse("DATETIME"),
    exp.ParseTime: _parse("TIME"),
    exp.TsOrDsToDate: _to("DATE"),
    exp.TsOrDsToTimestamp: _to("TIMESTAMP"),
    exp.TsOrDsToDatetime: _to("DATETIME"),
    exp.TsOrDsToTime: _to("TIME"),
    exp.Date: _to("DATE"),
    exp.Time: _to("TIME"),
    exp.Timestamp: _to("TIMESTAMP"),
    exp.Datetime: _datetime,
    exp.DateFromParts: _parts("make_date", "year", "month", "day"),
    exp.TimeFromParts: _parts("bq_make_time", "hour", "min", "sec", seconds="sec"),
    exp.TimestampFromParts: _parts(
        "bq_make_timestamp", "year", "month", "day", "hour", "min", "sec", seconds="sec"
    ),
    exp.CurrentDate: _now("DATE"),
    exp.CurrentDatetime: _now("DATETIME"),
    exp.CurrentTime: _now("TIME"),
    exp.CurrentTimestamp: _now("TIMESTAMP"),
    exp.String: _string,
    exp.LastDay: _last_day,
    exp.UnixDate: lambda node, types: cast(
        call("date_diff", text("day"), exp.cast(text("1970-01-01"), "DATE"), _as(node.this, types, "DATE")),
        "BIGINT",
    ),
    exp.DateFromUnixDate: lambda node, types: call(
        "bq_range",
        exp.paren(exp.Add(this=exp.cast(text("1970-01-01"), "DATE"), expression=cast(node.this, "INTEGER"))),
    ),
    exp.UnixSeconds: _unix("SECOND"),
    exp.UnixMillis: _unix("MILLISECOND"),
    exp.UnixMicros: _unix("MICROSECOND"),
    exp.UnixToTime: _from_unix,
    exp.Add: _sum_of_days,
    exp.Sub: _difference_of,
}
BY_NAME = {
    "TIMESTAMP_SECONDS": "bq_seconds",
    "TIMESTAMP_MILLIS": "bq_millis",
    "TIMESTAMP_MICROS": "bq_micros",
}
