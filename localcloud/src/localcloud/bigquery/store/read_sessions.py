"""The read sessions of the Storage API: which rows of which table each of their streams gives."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from localcloud.bigquery.store.catalog import Catalog, now_ms


@dataclass(frozen=True)
class ReadSession:
    """
    What was chosen when a session was created, which it gives until it expires.

    :param expires: ms since the epoch.
    :param uid: the table.
    :param storage: where the rows of its version are.
    :param at: the time of the snapshot, in µs since the epoch.
    :param selected: names of the fields that are read; of all if empty.
    :param is_filtered: whether the ids of the rows that it gives are kept; else it gives all.
    :param is_avro: whether its rows are sent in Avro; else in Arrow.
    :param compression: of Arrow's buffers: ``lz4``, ``zstd`` or empty.
    :param streams: the first row id of each stream, and the first one after it.
    """

    session_id: str
    expires: int
    dataset_id: str
    table_id: str
    uid: str
    storage: str
    at: int
    selected: list[str]
    is_filtered: bool
    is_avro: bool
    compression: str
    streams: dict[str, tuple[int, int]]

    def condition(self, stream_id: str) -> str:
        """
        Return the DuckDB SQL that chooses the rows of a stream.

        :param stream_id: one of ``streams``.
        """
        first, end = self.streams[stream_id]
        matching = f" AND rowid IN (FROM {_filter(self.session_id)})" if self.is_filtered else ""
        return f"rowid >= {first} AND rowid < {end}{matching}"


class ReadSessionStore:
    """
    Keep the sessions; the caller keeps the transaction.

    :param catalog: where they are kept.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._connection = catalog.connection

    def put(self, session: ReadSession) -> None:
        """Create a session or replace it."""
        self._connection.execute("DELETE FROM meta.read_sessions WHERE session_id = ?", [session.session_id])
        self._connection.execute(
            "INSERT INTO meta.read_sessions VALUES (?, ?, ?)",
            [session.session_id, session.expires, json.dumps(asdict(session))],
        )

    def find(self, session_id: str) -> ReadSession | None:
        """Return a session if it exists and has not expired."""
        found = self._connection.execute(
            "SELECT resource FROM meta.read_sessions WHERE session_id = ?", [session_id]
        ).fetchall()
        return ReadSession(**json.loads(found[0][0])) if found else None

    def keep_rows(self, session_id: str, sql: str) -> int:
        """
        Keep the ids of the rows that a session gives.

        :param sql: DuckDB SQL with one column of row ids.
        :return: how many rows.
        """
        self._connection.execute(f"CREATE TABLE {_filter(session_id)} AS {sql}")
        return int(self._connection.execute(f"SELECT count(*) FROM {_filter(session_id)}").fetchall()[0][0])  # noqa: S608

    def drop_expired(self) -> None:
        """Delete the sessions that have expired."""
        now = now_ms()
        expired = self._connection.execute(
            "SELECT session_id FROM meta.read_sessions WHERE expires <= ?", [now]
        ).fetchall()
        for (session_id,) in expired:
            self._connection.execute(f"DROP TABLE IF EXISTS {_filter(session_id)}")
        if expired:
            self._connection.execute("DELETE FROM meta.read_sessions WHERE expires <= ?", [now])


def _filter(session_id: str) -> str:
    return f"data.read_{session_id}"
