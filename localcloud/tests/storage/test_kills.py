"""Content and catalogue after a kill, a full disk or an error."""

from __future__ import annotations

import sqlite3
import uuid

import pytest
from tests.storage.served import OBJECTS, UPLOAD
from yarl import URL

from localcloud.storage import Store
from localcloud.storage.catalog import Bucket, Upload, now_us

UNIT = 256 * 1024


@pytest.fixture
def store(tmp_path):
    """Return a store with the bucket ``wine``."""
    store = Store(tmp_path / "objects")
    store.create_bucket("wine", "EU")
    yield store
    store.close()


class KilledError(BaseException):
    """The process ends here."""


def opened(store: Store, content: bytes) -> Upload:
    upload = Upload(uuid.uuid4().hex, "wine", "one", now_us(), {}, {})
    store.contents.path(upload.id).write_bytes(content)
    store.catalog.put_upload(upload)
    return upload


def read(store: Store) -> bytes:
    _, file = store.open("wine", "one")
    with file:
        return file.read()


def test_an_upload_is_over_when_its_object_is_there_and_not_before(store, tmp_path, monkeypatch):
    upload = opened(store, b"content")
    with monkeypatch.context() as patch:
        patch.setattr(store.catalog, "put_upload", lambda _: (_ for _ in ()).throw(KilledError))
        with pytest.raises(KilledError):
            store.finish_upload(upload, {})
    assert store.catalog.object("wine", "one") is None

    made = store.finish_upload(upload, {})

    assert store.catalog.upload(upload.id).generation == made.generation
    assert read(store) == b"content"


def test_a_retry_does_not_remove_the_content_that_it_has_just_named(store):
    upload = opened(store, b"content")

    store.finish_upload(upload, {})
    store.finish_upload(upload, {})

    assert read(store) == b"content"


def test_what_is_replaced_stays_until_the_catalogue_names_the_new(store):
    store.finish_upload(opened(store, b"old"), {})
    # a commit that fails inside SQLite
    run = store.catalog._connection.execute
    run("PRAGMA foreign_keys = ON")
    run("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    run("CREATE TABLE children (id INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED)")
    run("CREATE TRIGGER orphan AFTER INSERT ON objects BEGIN INSERT INTO children VALUES (1); END")

    with pytest.raises(sqlite3.IntegrityError):
        store.finish_upload(opened(store, b"new"), {})

    assert read(store) == b"old"
    assert not store.catalog._connection.in_transaction
    run("DROP TRIGGER orphan")
    store.finish_upload(opened(store, b"new"), {})
    assert read(store) == b"new"


def test_an_error_in_a_transaction_undoes_all_of_it(store):
    with pytest.raises(KilledError), store.catalog.transaction():  # noqa: PT012
        store.catalog.put_bucket(Bucket("beer", "EU", 1))
        raise KilledError

    assert store.catalog.bucket("beer") is None


def test_a_commit_that_fails_ends_its_transaction(store):
    connection = store.catalog._connection
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    connection.execute("CREATE TABLE children (id REFERENCES parents DEFERRABLE INITIALLY DEFERRED)")

    with pytest.raises(sqlite3.IntegrityError), store.catalog.transaction():
        connection.execute("INSERT INTO children VALUES (1)")

    assert not connection.in_transaction


async def test_an_upload_that_was_killed_in_a_chunk_goes_on(served):
    begun = await served.ask("POST", f"{UPLOAD}?uploadType=resumable&name=one")
    path = URL(begun.headers["Location"]).raw_path_qs
    with served.store.contents.path(URL(path).query["upload_id"]).open("ab") as file:
        file.write(b"a" * (UNIT + 1000))

    Store(served.folder).close()

    asked = await served.ask("PUT", path, headers={"Content-Range": "bytes */*"})
    assert (asked.status, asked.headers["Range"]) == (308, f"bytes=0-{UNIT - 1}")
    rest = {"Content-Range": f"bytes {UNIT}-{UNIT + 2}/{UNIT + 3}"}
    assert (await served.ask("PUT", path, data=b"end", headers=rest)).status == 200
    assert await served.content("one") == b"a" * UNIT + b"end"


def test_a_start_cuts_no_content_that_an_object_has(store, tmp_path):
    upload = opened(store, b"content")
    made = store.finish_upload(upload, {})
    # as if the upload were still open
    store.catalog.put_upload(upload)

    Store(tmp_path / "objects").close()

    assert (made.content.size, read(store)) == (7, b"content")


def test_a_draft_that_cannot_be_closed_is_removed(store):
    with pytest.raises(OSError, match="No space left"), store.contents.new() as draft:  # noqa: PT012
        draft._file.close()
        # what is written to it stays in the buffer until it is closed
        draft._file = open("/dev/full", "wb")  # noqa: SIM115
        draft.write(b"x")

    assert store.contents.ids() == set()


async def test_a_copy_that_fails_leaves_nothing(served, monkeypatch):
    await served.put("one", b"content")
    before = served.store.contents.ids()
    run = served.store.catalog._connection.execute
    run("CREATE TRIGGER full BEFORE INSERT ON objects BEGIN SELECT RAISE(ABORT, 'disk full'); END")

    copied = await served.ask("POST", f"{OBJECTS}/one/copyTo/b/wine/o/two")

    assert copied.status == 500
    assert served.store.contents.ids() == before
