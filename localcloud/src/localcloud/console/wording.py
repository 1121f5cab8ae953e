"""Format values of the API for people."""

from __future__ import annotations

import datetime
import json
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

NOTHING = "-"
_PREFIXES = ("PIPELINE_STATE_", "JOB_STATE_")
_TONES = {
    "SUCCEEDED": "good",
    "SKIPPED": "good",
    "DONE": "good",
    "FAILED": "bad",
    "RUNNING": "busy",
    "UPDATING": "busy",
    "CANCELLING": "busy",
    "CANCELLED": "stopped",
    "PAUSED": "stopped",
}


def state(name: str) -> str:
    """
    Return a state in plain words.

    :param name: its name in the API.
    """
    bare = _bare(name)
    if bare == "SKIPPED":
        return "Skipped (cached)"
    return bare.replace("_", " ").capitalize()


def tone(name: str) -> str:
    """
    Return what a state means to the reader: good, bad, busy, stopped or idle.

    :param name: its name in the API.
    """
    return _TONES.get(_bare(name), "idle")


def _bare(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def when(time: datetime.datetime | None) -> str:
    """
    Return a time in UTC.

    :param time: the time, or None if it has not come.
    """
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if time else NOTHING


def when_ms(time: str | int) -> str:
    """
    Return a time in UTC.

    :param time: ms since the epoch.
    """
    return when(datetime.datetime.fromtimestamp(int(time) / 1000, datetime.UTC))


def seconds_between(start: Any, end: Any) -> float | None:
    """
    Return how long something took, or has taken so far.

    :param start: when it began, as a message gives it, or None if it has not.
    :param end: when it ended, or None if it goes on.
    """
    if start is None:
        return None
    return float(((end or datetime.datetime.now(datetime.UTC)) - start).total_seconds())


def span(seconds: float | None) -> str:
    """
    Return a length of time.

    :param seconds: the length, or None if it is not known.
    """
    if seconds is None:
        return NOTHING
    # what would be rounded to 60.0 s
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def short(name: str, most: int = 23) -> str:
    """
    Shorten a name; its end is kept, since names of tasks differ there.

    :param name: the name.
    :param most: characters that fit.
    """
    if len(name) <= most:
        return name
    end = most // 2
    return f"{name[: most - end - 1]}…{name[-end:]}"


def plain(message: Any, field: str) -> dict[str, Any]:
    """
    Return a free-form field of a message as JSON values; JSON inside of strings is read too.

    :param message: a proto-plus message.
    :param field: name of a Struct, or of a map of Values.
    """
    content = getattr(type(message).pb(message), field)
    if isinstance(content, Message):
        return {key: _read(value) for key, value in sorted(json_format.MessageToDict(content).items())}
    return {key: _read(json_format.MessageToDict(value)) for key, value in sorted(content.items())}


def _read(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return _read(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, dict):
        return {key: _read(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [_read(inner) for inner in value]
    # a Struct knows no integers
    return int(value) if isinstance(value, float) and value.is_integer() else value
