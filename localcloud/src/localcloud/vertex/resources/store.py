"""Every Vertex resource, by its resource name, in one SQLite file that survives a restart."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import proto  # type: ignore[import-untyped]
from google.api_core import exceptions
from google.protobuf.message import Message

AnyMessage: TypeAlias = proto.Message | Message
M = TypeVar("M")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    collection TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_collection ON resources (collection, position);
"""


def encode(message: AnyMessage) -> bytes:
    """Serialize a proto-plus or a protobuf message."""
    if isinstance(message, Message):
        return message.SerializeToString()
    return type(message).serialize(message)


def decode(body: bytes, type_: type[M]) -> M:
    """Read a message of the given type, proto-plus or protobuf."""
    reader: Any = type_
    return reader.FromString(body) if issubclass(type_, Message) else reader.deserialize(body)


class ResourceStore:
    """
    Keep proto messages by resource name; safe to use from any thread.

    :param path: SQLite file; it and its folder are made when absent.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside or nothing, with no other thread in between; may be nested."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                if self._depth == 1:
                    self._connection.execute("ROLLBACK")
                raise
            else:
                if self._depth == 1:
                    self._connection.execute("COMMIT")
            finally:
                self._depth -= 1

    def put(self, name: str, message: AnyMessage) -> None:
        """Store a message under its name, keeping its place in the order of creation if it exists."""
        with self.transaction():
            self._connection.execute(
                "INSERT INTO resources (name, collection, body) VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                (name, name.rpartition("/")[0], encode(message)),
            )

    def create(self, name: str, message: AnyMessage) -> None:
        """
        Store a message under a name that must be free.

        :raises google.api_core.exceptions.AlreadyExists: the name is taken.
        """
        with self.transaction():
            if self.exists(name):
                raise exceptions.AlreadyExists(f"{type(message).__name__} {name} already exists.")
            self.put(name, message)

    def exists(self, name: str) -> bool:
        """Return whether the name is taken."""
        with self._lock:
            return bool(
                self._connection.execute("SELECT 1 FROM resources WHERE name = ?", (name,)).fetchone()
            )

    def get(self, name: str, type_: type[M]) -> M:
        """
        Read one message.

        :raises google.api_core.exceptions.NotFound: there is none of that name.
        """
        with self._lock:
            row = self._connection.execute("SELECT body FROM resources WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise exceptions.NotFound(f"{type_.__name__} {name} does not exist.")
        return decode(row[0], type_)

    def find(self, collection_id: str, type_: type[M]) -> list[M]:
        """Read every message whose collection ends in the given id, e.g. ``operations``."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT body FROM resources WHERE collection LIKE ? ORDER BY position",
                (f"%/{collection_id}",),
            ).fetchall()
        return [decode(body, type_) for (body,) in rows]

    def names(self, collection: str) -> list[str]:
        """Return the name of every message of one collection, oldest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT name FROM resources WHERE collection = ? ORDER BY position", (collection,)
            ).fetchall()
        return [name for (name,) in rows]

    def list(self, collection: str, type_: type[M]) -> list[M]:
        """
        Read every message of one collection, oldest first.

        :param collection: parent and collection, e.g. ``projects/1/locations/r/endpoints``.
        """
        with self._lock:
            rows = self._connection.execute(
                "SELECT body FROM resources WHERE collection = ? ORDER BY position", (collection,)
            ).fetchall()
        return [decode(body, type_) for (body,) in rows]

    def delete(self, name: str) -> None:
        """
        Remove one message.

        :raises google.api_core.exceptions.NotFound: there is none of that name.
        """
        with self.transaction():
            removed = self._connection.execute("DELETE FROM resources WHERE name = ?", (name,)).rowcount
            if not removed:
                raise exceptions.NotFound(f"{name} does not exist.")

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        with self._lock:
            self._connection.close()
