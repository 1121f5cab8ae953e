"""Buckets, objects and open uploads, in one SQLite file that survives a kill."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.storage.content import Content

# names compare as their UTF-8 bytes do, which is the order of Cloud Storage's listings
_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY, location TEXT NOT NULL, created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL, metageneration INTEGER NOT NULL,
    content TEXT NOT NULL, size INTEGER NOT NULL, md5 TEXT NOT NULL, crc32c TEXT NOT NULL,
    components INTEGER NOT NULL, updated INTEGER NOT NULL, metadata TEXT NOT NULL,
    PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL,
    conditions TEXT NOT NULL, metadata TEXT NOT NULL, generation INTEGER NOT NULL
) WITHOUT ROWID;
"""
# columns that were added later: a catalogue of an older version is upgraded
_LATER_COLUMNS = {
    "metageneration": "INTEGER NOT NULL DEFAULT 1",
    "updated": "INTEGER NOT NULL DEFAULT 0",
    "fields": "TEXT NOT NULL DEFAULT '{}'",
}
_FROM = "SELECT * FROM objects WHERE bucket = ? AND name >= ? ORDER BY name LIMIT ?"
_AFTER = "SELECT * FROM objects WHERE bucket = ? AND name > ? ORDER BY name LIMIT ?"


@dataclass(frozen=True)
class Bucket:
    """
    A bucket.

    :param name: its name.
    :param location: where it is, such as ``EU``.
    :param created: when it was made, in microseconds since 1970.
    :param metageneration: version of its metadata.
    :param updated: when its metadata was written, in microseconds since 1970.
    :param fields: the fields of its resource that clients write.
    """

    name: str
    location: str
    created: int
    metageneration: int = 1
    updated: int = 0
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Object:
    """
    An object.

    :param bucket: its bucket.
    :param name: its name.
    :param generation: version of its content: when it was written, in microseconds since 1970.
    :param metageneration: version of the metadata of this content.
    :param content: its content.
    :param components: how many objects it was composed of; 0 if it was uploaded.
    :param updated: when its metadata was written, in microseconds since 1970.
    :param metadata: the fields of its resource that clients write.
    """

    bucket: str
    name: str
    generation: int
    metageneration: int
    content: Content
    components: int
    updated: int
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Upload:
    """
    A resumable upload.

    :param id: of the upload, and name of the file with what has arrived so far.
    :param bucket: where its object goes.
    :param name: name of its object.
    :param created: when it was opened, in microseconds since 1970.
    :param conditions: preconditions of the request that opened it.
    :param metadata: resource of the object that the request sent.
    :param generation: of the object that it made; 0 while it is open.
    """

    id: str
    bucket: str
    name: str
    created: int
    conditions: dict[str, str]
    metadata: dict[str, Any]
    generation: int = 0


class Catalog:
    """
    Reads and writes the file; safe to use from any thread.

    :param path: SQLite file, made when absent.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        there = {row[1] for row in self._connection.execute("PRAGMA table_info(buckets)")}
        for name, definition in _LATER_COLUMNS.items():
            if name not in there:
                self._connection.execute(f"ALTER TABLE buckets ADD COLUMN {name} {definition}")
        self._last = self._one("SELECT coalesce(max(generation), 0) FROM objects")[0]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside or nothing, with no other thread in between."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # some errors end the transaction by themselves
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def next_generation(self) -> int:
        """Return a generation that is higher than any before."""
        with self._lock:
            self._last = max(now_us(), self._last + 1)
            return self._last

    def bucket(self, name: str) -> Bucket | None:
        """Return a bucket, if it is there."""
        row = self._one("SELECT * FROM buckets WHERE name = ?", name)
        return _bucket(row) if row else None

    def buckets(self) -> list[Bucket]:
        """Return all buckets by name."""
        return [_bucket(row) for row in self._all("SELECT * FROM buckets ORDER BY name")]

    def put_bucket(self, bucket: Bucket) -> None:
        """Write a bucket, in place of one of its name."""
        self._run(
            "INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?, ?, ?)",
            bucket.name,
            bucket.location,
            bucket.created,
            bucket.metageneration,
            bucket.updated or bucket.created,
            json.dumps(bucket.fields),
        )

    def remove_bucket(self, name: str) -> None:
        """Remove a bucket."""
        self._run("DELETE FROM buckets WHERE name = ?", name)

    def object(self, bucket: str, name: str) -> Object | None:
        """Return an object, if it is there."""
        row = self._one("SELECT * FROM objects WHERE bucket = ? AND name = ?", bucket, name)
        return _object(row) if row else None

    def objects(self, bucket: str, begin: str, limit: int, *, after: bool = False) -> list[Object]:
        """
        Return the next objects of a bucket by name.

        :param bucket: its name.
        :param begin: the first name.
        :param limit: how many at most.
        :param after: whether the first name is that after ``begin``.
        """
        query = _AFTER if after else _FROM
        return [_object(row) for row in self._all(query, bucket, begin, limit)]

    def put_object(self, found: Object) -> None:
        """Write an object, in place of one of its name."""
        content = found.content
        self._run(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            found.bucket,
            found.name,
            found.generation,
            found.metageneration,
            content.id,
            content.size,
            content.md5,
            content.crc32c,
            found.components,
            found.updated,
            json.dumps(found.metadata),
        )

    def remove_object(self, bucket: str, name: str) -> None:
        """Remove an object."""
        self._run("DELETE FROM objects WHERE bucket = ? AND name = ?", bucket, name)

    def upload(self, id_: str) -> Upload | None:
        """Return a resumable upload, if there is one."""
        row = self._one("SELECT * FROM uploads WHERE id = ?", id_)
        if row is None:
            return None
        id_, bucket, name, created, conditions, metadata, generation = row
        return Upload(id_, bucket, name, created, json.loads(conditions), json.loads(metadata), generation)

    def put_upload(self, upload: Upload) -> None:
        """Write a resumable upload."""
        self._run(
            "INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)",
            upload.id,
            upload.bucket,
            upload.name,
            upload.created,
            json.dumps(upload.conditions),
            json.dumps(upload.metadata),
            upload.generation,
        )

    def open_uploads(self) -> list[str]:
        """Return the ids of the resumable uploads that have not become objects."""
        query = "SELECT id FROM uploads WHERE generation = 0 AND id NOT IN (SELECT content FROM objects)"
        return [row[0] for row in self._all(query)]

    def remove_uploads(self, *, before: int = 0, id_: str = "") -> None:
        """Remove one resumable upload, and those that were opened before some time."""
        self._run("DELETE FROM uploads WHERE created < ? OR id = ?", before, id_)

    def contents(self) -> set[str]:
        """Return the files that objects and uploads have."""
        return {row[0] for row in self._all("SELECT content FROM objects UNION SELECT id FROM uploads")}

    def _run(self, sql: str, *values: Any) -> None:
        with self._lock:
            self._connection.execute(sql, values)

    def _one(self, sql: str, *values: Any) -> Any:
        with self._lock:
            return self._connection.execute(sql, values).fetchone()

    def _all(self, sql: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()


def now_us() -> int:
    """Return the time in microseconds since 1970."""
    return time.time_ns() // 1000


def _bucket(row: Any) -> Bucket:
    name, location, created, metageneration, updated, fields = row
    return Bucket(name, location, created, metageneration, updated or created, json.loads(fields))


def _object(row: Any) -> Object:
    bucket, name, generation, metageneration, *content, components, updated, metadata = row
    return Object(
        bucket, name, generation, metageneration, Content(*content), components, updated, json.loads(metadata)
    )
