"""Which states of a BigQuery table can be asked for; in milliseconds since the epoch, as its API counts."""

from __future__ import annotations

from datetime import UTC, datetime

from vertex_mlops.exceptions import DataVersionError

# what a data set keeps unless it is told otherwise; the least is 48
DEFAULT_TIME_TRAVEL_HOURS = 7 * 24
# leaves at least another day in which the same query can be run again
_SNAPSHOT_HOURS = 24
_MS_PER_HOUR = 3_600_000


def check_data_version(
    table: str, data_version: int, *, created: int, modified: int, now: int, time_travel_hours: int
) -> None:
    """
    Make sure that a past state of a table can be read, and that it is one of its states.

    Source: https://cloud.google.com/bigquery/docs/time-travel

    :param table: ``project.dataset.table``, for the message.
    :param data_version: the state asked for.
    :param created: ``creationTime`` of the table.
    :param modified: ``lastModifiedTime`` of the table.
    :param now: the present.
    :param time_travel_hours: ``maxTimeTravelHours`` of the data set.
    :raises DataVersionError: it is no whole number, or crosses a limit, which is named.
    """
    # true is an int to Python, and 1764028800000.0 an integer to JSON Schema
    if type(data_version) is not int:
        raise DataVersionError(f"{table}: data_version {data_version!r} is no whole number of milliseconds")
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


def snapshot_time(data_version: int, *, modified: int, now: int) -> int:
    """
    Moment at which a table is read to see one of its states: a millisecond after the change that made it.

    BigQuery tells of a change in whole milliseconds. If it commits in microseconds, which its documentation
    leaves open, the commit lies after the millisecond that is told: a query of just that moment would see the
    state before, or be refused with "Cannot read before" if the change has created the table.

    Source of the refusal: https://cloud.google.com/bigquery/docs/access-historical-data

    A table that has not changed for longer than time travel reaches cannot be read at its last change, but
    it held the same rows at any moment since.

    :param data_version: the state to see.
    :param modified: ``lastModifiedTime`` of the table.
    :param now: the present.
    """
    after = data_version + 1
    if data_version != modified:
        return after
    return max(after, now - _SNAPSHOT_HOURS * _MS_PER_HOUR)


def _words(version: int) -> str:
    moment = datetime.fromtimestamp(version / 1000, UTC)
    return f"{version} ({moment.isoformat(sep=' ', timespec='milliseconds')})"
