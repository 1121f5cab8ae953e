"""States of a BigQuery table that can be read; in milliseconds since the epoch, as in its API."""

from __future__ import annotations

from datetime import UTC, datetime

from vertex_mlops.exceptions import DataVersionError

# what a data set keeps unless it is told otherwise; the least is 48
DEFAULT_TIME_TRAVEL_HOURS = 7 * 24
_MS_PER_HOUR = 3_600_000


def check_data_version(
    table: str, data_version: int, *, created: int, modified: int, now: int, time_travel_hours: int
) -> None:
    """
    Check that a past state of a table exists and can be read.

    Source: https://cloud.google.com/bigquery/docs/time-travel

    :param table: ``project.dataset.table``, for the message.
    :param data_version: the state asked for.
    :param created: ``creationTime`` of the table.
    :param modified: ``lastModifiedTime`` of the table.
    :param now: the present.
    :param time_travel_hours: ``maxTimeTravelHours`` of the data set.
    :raises DataVersionError: it is not an integer, or outside of a limit, which is named.
    """
    # true is an int to Python, and 1764028800000.0 an integer to JSON Schema
    if type(data_version) is not int:
        raise DataVersionError(
            f"{table}: data_version {data_version!r} is not a whole number of milliseconds"
        )
    reach = now - time_travel_hours * _MS_PER_HOUR
    if data_version > modified:
        problem = f"newer than the table's last change, {_words(modified)}"
    elif data_version < created:
        problem = f"older than the table, which was created at {_words(created)}"
    elif data_version < min(reach, modified):
        problem = f"older than time travel reaches, which is {time_travel_hours} hours, to {_words(reach)}"
    else:
        return
    raise DataVersionError(f"{table}: data_version {_words(data_version)} is {problem}")


def _words(version: int) -> str:
    moment = datetime.fromtimestamp(version / 1000, UTC)
    return f"{version} ({moment.isoformat(sep=' ', timespec='milliseconds')})"
