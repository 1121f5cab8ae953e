"""Objects by their gs:// address, for the other services of localcloud."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from localcloud.errors import ApiError, invalid
from localcloud.storage.buckets import MULTI_REGIONS
from localcloud.storage.catalog import Object
from localcloud.storage.listing import iterate
from localcloud.storage.store import Store

DEFAULT_TYPE = "application/octet-stream"


class ObjectStore:
    """
    Reads and writes objects from any thread.

    :param store: the buckets and objects.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def read(self, uri: str) -> bytes:
        """
        Return the content of an object.

        :param uri: ``gs://bucket/name``.
        :raises ApiError: 404 when there is no such object.
        """
        return self.read_typed(uri)[0]

    def read_typed(self, uri: str) -> tuple[bytes, str]:
        """
        Return the content of an object and its content type.

        :param uri: ``gs://bucket/name``.
        :raises ApiError: 404 when there is no such object.
        """
        found, file = self.open(uri)
        with file:
            return file.read(), found.metadata.get("contentType", DEFAULT_TYPE)

    def open(self, uri: str) -> tuple[Object, BinaryIO]:
        """
        Return an object, and its content open for reading.

        :param uri: ``gs://bucket/name``.
        :raises ApiError: 404 when there is no such object.
        """
        with _named(uri):
            return self.store.open(*split(uri))

    def write(self, uri: str, data: bytes) -> None:
        """
        Create an object or replace it.

        :param uri: ``gs://bucket/name``.
        :param data: the whole content.
        :raises ApiError: 404 when there is no such bucket.
        """
        bucket, name = split(uri)
        with _named(uri), self.store.contents.new() as draft:
            draft.write(data)
            self.store.put(bucket, name, draft.complete(), {"contentType": DEFAULT_TYPE})
            draft.keep()

    def ensure_bucket(self, bucket: str) -> None:
        """Create a bucket if it is missing."""
        try:
            self.store.create_bucket(bucket, MULTI_REGIONS[1])
        except ApiError as error:
            if error.code != 409:
                raise

    def location(self, bucket: str) -> str:
        """
        Return the location of a bucket.

        :param bucket: its name.
        :raises ApiError: 404 when there is no such bucket.
        """
        with _named(f"gs://{bucket}"):
            return self.store.bucket(bucket).location

    def exists(self, uri: str) -> bool:
        """
        Return whether there is such an object.

        :param uri: ``gs://bucket/name``.
        """
        try:
            self.store.get(*split(uri))
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return True

    def list(self, uri_prefix: str) -> list[str]:
        """
        Return the addresses of all objects with a prefix, sorted.

        :param uri_prefix: ``gs://bucket/beginning``; the beginning may be empty and need not end at a slash.
        :raises ApiError: 404 when there is no such bucket.
        """
        bucket, prefix = split(uri_prefix)
        with _named(uri_prefix):
            self.store.bucket(bucket)
        return [f"gs://{bucket}/{found.name}" for found in iterate(self.store, bucket, "", prefix)]


def split(uri: str) -> tuple[str, str]:
    """
    Split a ``gs://`` URI into bucket and object name.

    :param uri: ``gs://bucket/name``.
    :raises ApiError: 400 when it is no such address.
    """
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket:
        raise invalid(f"Not a gs:// address: {uri}")
    return bucket, name


@contextmanager
def _named(uri: str) -> Iterator[None]:
    """Name a missing object or bucket by its URI in the error."""
    try:
        yield
    except ApiError as error:
        if error.code == 404:
            raise ApiError(404, "NOT_FOUND", f"Not found: {uri}") from error
        raise
