"""Which states of a BigQuery table can be asked for; in milliseconds since the epoch, as its API counts."""

from __future__ import annotations

from datetime import UTC, datetime

from vertex_mlops.exceptions import DataVersionError

# the longest that a data set can keep, and what it keeps unless it is told otherwise
_TIME_TRAVEL_HOURS = 7 * 24
# leaves six days in which the same query can be run again
_SNAPSHOT_HOURS = 24
_MS_PER_HOUR = 3_600_000


def check_data_version(table: str, data_version: int, *, created: int, modified: int, now: int) -> None:
    """
    Make sure that a past state of a table can be read, and that it is one of its states.

    Source: https://cloud.google.com/bigquery/docs/time-travel

    :param table: ``project.dataset.table``, for the message.
    :param data_version: the state asked for.
    :param created: ``creationTime`` of the table.
    :param modified: ``lastModifiedTime`` of the table.
    :param now: the present.
    :raises DataVersionError: names the limit that is crossed.
    """
    reach = now - _TIME_TRAVEL_HOURS * _MS_PER_HOUR
    if data_version > modified:
        problem = f"newer than the table's last change, {_words(modified)}"
    elif data_version < created:
        problem = f"older than the table, which was created at {_words(created)}"
    elif data_version < min(reach, modified):
        problem = f"older than time travel reaches, which is {_TIME_TRAVEL_HOURS} hours, to {_words(reach)}"
    else:
        return
    raise DataVersionError(f"{table}: data_version {_words(data_version)} is {problem}")


def snapshot_time(data_version: int, *, modified: int, now: int) -> int:
    """
    Moment at which a table is read to see one of its states.

    A table that has not changed for longer than time travel reaches cannot be read at its last change, but
    it held the same rows at any moment since.

    :param data_version: the state to see.
    :param modified: ``lastModifiedTime`` of the table.
    :param now: the present.
    """
    if data_version != modified:
        return data_version
    return max(data_version, now - _SNAPSHOT_HOURS * _MS_PER_HOUR)


def _words(version: int) -> str:
    moment = datetime.fromtimestamp(version / 1000, UTC)
    return f"{version} ({moment.isoformat(sep=' ', timespec='milliseconds')})"
