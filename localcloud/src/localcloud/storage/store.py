"""Buckets and objects: a catalogue of their metadata, and a file with the content of each object."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from localcloud.errors import ApiError, invalid
from localcloud.storage import resources
from localcloud.storage.catalog import Bucket, Catalog, Object, Upload, now_us
from localcloud.storage.content import BLOCK, Content, Contents
from localcloud.storage.names import check_bucket, check_new_bucket, check_object
from localcloud.storage.preconditions import Conditions

log = logging.getLogger(__name__)

# https://cloud.google.com/storage/docs/composite-objects
MOST_COMPONENTS = 32
# https://cloud.google.com/storage/docs/resumable-uploads: a session ends after a week
UPLOAD_MICROSECONDS = 7 * 24 * 3600 * 10**6
# each chunk of an upload but the last is a multiple of this
# https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload
UPLOAD_UNIT = 256 * 1024


@dataclass(frozen=True)
class Source:
    """
    An object that another one is made of.

    :param bucket: its bucket.
    :param name: its name.
    :param conditions: preconditions on it.
    """

    bucket: str
    name: str
    conditions: Conditions = field(default_factory=Conditions)


class Store:
    """
    Everything that Cloud Storage keeps; safe to use from any thread.

    Content is written first, then the catalogue names it: after a kill an object is whole or is not there.

    :param folder: where; it is made when absent, and what a killed run left in it is removed.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.contents = Contents(folder / "content")
        self.catalog = Catalog(folder / "catalog.sqlite")
        self._lock = threading.RLock()
        self.catalog.remove_uploads(before=now_us() - UPLOAD_MICROSECONDS)
        for id_ in self.catalog.open_uploads():
            # a kill in the middle of a chunk leaves a size from which no client can continue
            self.contents.cut(id_, UPLOAD_UNIT)
        for id_ in self.contents.ids() - self.catalog.contents():
            log.info("removed content that no object has: %s", id_)
            self.contents.remove(id_)

    def close(self) -> None:
        """Close the catalogue."""
        self.catalog.close()

    def create_bucket(self, name: object, location: str, fields: dict[str, Any] | None = None) -> Bucket:
        """
        Create a bucket.

        :param name: its name.
        :param location: where it is.
        :param fields: of its resource, what clients write.
        :raises ApiError: 400 for a name that no bucket can have, 409 when it is there.
        """
        now = now_us()
        bucket = Bucket(check_new_bucket(name), location.upper(), now, updated=now, fields=fields or {})
        with self._lock:
            if self.catalog.bucket(bucket.name):
                message = "Your previous request to create the named bucket succeeded and you already own it."
                raise ApiError(409, "ALREADY_EXISTS", message, "conflict")
            self.catalog.put_bucket(bucket)
        return bucket

    def bucket(self, name: str) -> Bucket:
        """
        Return a bucket.

        :raises ApiError: 404 when it is not there.
        """
        found = self.catalog.bucket(check_bucket(name))
        if found is None:
            raise ApiError(404, "NOT_FOUND", f"The specified bucket does not exist: {name}")
        return found

    def change_bucket(
        self, name: str, conditions: Conditions, change: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> Bucket:
        """
        Write a bucket's metadata.

        :param conditions: preconditions on its metageneration.
        :param change: gives what the bucket is to keep, from what it keeps.
        :raises ApiError: 404 when it is not there, 412 when a precondition fails.
        """
        with self._lock:
            found = self.bucket(name)
            conditions.check_bucket(found)
            changed = replace(
                found,
                fields=change(found.fields),
                metageneration=found.metageneration + 1,
                updated=max(now_us(), found.updated + 1),
            )
            self.catalog.put_bucket(changed)
        return changed

    def delete_bucket(self, name: str, conditions: Conditions | None = None) -> None:
        """
        Remove a bucket.

        :param conditions: preconditions on its metageneration.
        :raises ApiError: 404 when it is not there, 409 when there are objects in it, 412 when a precondition
            fails.
        """
        with self._lock:
            found = self.bucket(name)
            if conditions:
                conditions.check_bucket(found)
            if self.catalog.objects(name, "", 1):
                message = "The bucket you tried to delete is not empty."
                raise ApiError(409, "FAILED_PRECONDITION", message, "conflict")
            self.catalog.remove_bucket(name)

    def check(self, bucket: str, name: str, conditions: Conditions) -> None:
        """
        Check early that an object can be written.

        :param conditions: preconditions on what has the name now.
        :raises ApiError: 404 without the bucket, 412 when a precondition fails.
        """
        conditions.check(bucket, name, self._find(bucket, name))

    def get(
        self, bucket: str, name: str, conditions: Conditions | None = None, *, reads: bool = True
    ) -> Object:
        """
        Return an object.

        :param conditions: preconditions, and the generation that is meant.
        :param reads: whether it is only read.
        :raises ApiError: 404 when it or its bucket is not there, 412 or 304 when a precondition fails.
        """
        conditions = conditions or Conditions()
        with self._lock:
            found = self._find(bucket, name)
            conditions.check(bucket, name, found, reads=reads)
            if found is None or conditions.generation not in (None, found.generation):
                raise ApiError(404, "NOT_FOUND", f"No such object: {bucket}/{name}")
            return found

    def open(self, bucket: str, name: str, conditions: Conditions | None = None) -> tuple[Object, BinaryIO]:
        """
        Return an object, and its content open for reading: it can be read to its end even if it is replaced.

        :raises ApiError: see :meth:`get`.
        """
        with self._lock:
            found = self.get(bucket, name, conditions)
            return found, self.contents.open(found.content.id)

    def put(
        self,
        bucket: str,
        name: str,
        content: Content,
        sent: dict[str, Any],
        conditions: Conditions | None = None,
        components: int = 0,
        upload: Upload | None = None,
    ) -> Object:
        """
        Store content as an object, replacing one of the same name.

        :param content: complete content; when this fails its file is still the caller's.
        :param sent: resource of the object as the client sent it.
        :param conditions: preconditions on what has the name now.
        :param components: how many objects it was composed of.
        :param upload: the resumable upload that it ends.
        :raises ApiError: 400 when it is not what the client sent, 404 without its bucket, 412 when a
            precondition fails.
        """
        resources.check_digests(content, sent)
        metadata = resources.changed({}, resources.written(sent))
        with self._lock:
            default = self.bucket(bucket).fields.get("storageClass")
            if default:
                metadata = {"storageClass": default} | metadata
            before = self._find(bucket, name)
            (conditions or Conditions()).check(bucket, name, before)
            generation = self.catalog.next_generation()
            made = Object(bucket, name, generation, 1, content, components, generation, metadata)
            with self.catalog.transaction():
                self.catalog.put_object(made)
                if upload:
                    self.catalog.put_upload(replace(upload, generation=generation))
        if before and before.content.id != content.id:
            self._discard(before.content.id)
        return made

    def change(
        self,
        bucket: str,
        name: str,
        conditions: Conditions,
        change: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> Object:
        """
        Write an object's metadata.

        :param change: gives what the object is to keep, from what it keeps.
        :raises ApiError: see :meth:`get`.
        """
        with self._lock:
            found = self.get(bucket, name, conditions, reads=False)
            changed = replace(
                found,
                metadata=change(found.metadata),
                metageneration=found.metageneration + 1,
                updated=max(now_us(), found.updated + 1),
            )
            self.catalog.put_object(changed)
        return changed

    def delete(self, bucket: str, name: str, conditions: Conditions | None = None) -> None:
        """
        Remove an object.

        :raises ApiError: see :meth:`get`.
        """
        with self._lock:
            found = self.get(bucket, name, conditions, reads=False)
            self.catalog.remove_object(bucket, name)
        self._discard(found.content.id)

    def copy(
        self, source: Source, bucket: str, name: str, sent: dict[str, Any], conditions: Conditions
    ) -> Object:
        """
        Create an object with the content of another one, and with its metadata unless other metadata is sent.

        :param sent: resource of the new object as the client sent it.
        :param conditions: preconditions on what has the name now.
        :raises ApiError: see :meth:`get` and :meth:`put`.
        """
        with self._lock:
            self._find(bucket, name)
            found = self.get(source.bucket, source.name, source.conditions, reads=False)
            content = self.contents.copy(found.content)
            # the class is the destination's, unless it is sent
            inherited = {name: value for name, value in found.metadata.items() if name != "storageClass"}
            given = resources.written(sent) or inherited
            try:
                return self.put(bucket, name, content, given, conditions, found.components)
            except BaseException:
                self.contents.remove(content.id)
                raise

    def move(self, source: Source, name: str, conditions: Conditions) -> Object:
        """
        Rename an object within its bucket.

        :param conditions: preconditions on what has the name now.
        :raises ApiError: 400 when it is the same name; see :meth:`get` and :meth:`put`.
        """
        if source.name == name:
            raise invalid("The source and the destination of a move are the same object")
        with self._lock:
            made = self.copy(source, source.bucket, name, {}, conditions)
            self.delete(source.bucket, source.name)
        return made

    def compose(
        self, sources: list[Source], bucket: str, name: str, sent: dict[str, Any], conditions: Conditions
    ) -> Object:
        """
        Create an object from others, concatenated in order.

        :param sources: what it is made of.
        :param sent: resource of the new object as the client sent it.
        :param conditions: preconditions on what has the name now.
        :raises ApiError: 400 for none or too many; see :meth:`get` and :meth:`put`.
        """
        if not 0 < len(sources) <= MOST_COMPONENTS:
            raise invalid(f"An object is composed of 1 to {MOST_COMPONENTS} others, not {len(sources)}")
        self.check(bucket, name, conditions)
        components = 0
        with self.contents.new() as draft:
            for source in sources:
                found, file = self.open(source.bucket, source.name, source.conditions)
                components += found.components or 1
                with file:
                    while block := file.read(BLOCK):
                        draft.write(block)
            # Cloud Storage gives no MD5 of what was composed
            content = replace(draft.complete(), md5="")
            made = self.put(bucket, name, content, sent, conditions, components)
            draft.keep()
        return made

    def finish_upload(self, upload: Upload, sent_digests: dict[str, str]) -> Object:
        """
        Store the content of a resumable upload as its object.

        :param upload: an open upload of which all has arrived.
        :param sent_digests: checksums that came with the last bytes, by name of the resource's field.
        :raises ApiError: see :meth:`put`.
        """
        content = self.contents.describe(upload.id)
        sent = {**upload.metadata, **sent_digests}
        return self.put(
            upload.bucket, upload.name, content, sent, Conditions(upload.conditions), upload=upload
        )

    def _discard(self, id_: str) -> None:
        """Remove content that no object refers to; the call has succeeded even if this fails."""
        try:
            self.contents.remove(id_)
        except OSError:
            log.exception(
                "content that no object has was not removed, and will be at the next start: %s", id_
            )

    def _find(self, bucket: str, name: str) -> Object | None:
        self.bucket(bucket)
        return self.catalog.object(bucket, check_object(name))
