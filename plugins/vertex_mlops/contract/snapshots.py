"""The moment at which a BigQuery table is read; in milliseconds since the epoch, as its API counts."""

from __future__ import annotations

# leaves at least another day in which the same query can be run again
_SNAPSHOT_MS = 24 * 3_600_000


def snapshot_time(data_version: int, *, modified: int, now: int) -> int:
    """
    Return the time as of which a table has one of its states: a millisecond after the change that made it.

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
    return after if data_version != modified else max(after, now - _SNAPSHOT_MS)
