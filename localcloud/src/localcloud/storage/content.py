"""The content of objects: files with names of localcloud's own, written once."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import google_crc32c

BLOCK = 256 * 1024


@dataclass(frozen=True)
class Content:
    """
    Content that is complete.

    :param id: name of its file.
    :param size: bytes.
    :param md5: its MD5 in base64; empty for what was composed, of which Cloud Storage gives none either.
    :param crc32c: its CRC32C in base64, big-endian.
    """

    id: str
    size: int
    md5: str
    crc32c: str


class Digest:
    """Computes the size and the checksums of a stream."""

    def __init__(self) -> None:
        self.size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc32c = google_crc32c.Checksum()

    def update(self, block: bytes) -> None:
        """Count a block."""
        self.size += len(block)
        self._md5.update(block)
        self._crc32c.update(block)

    def content(self, id_: str) -> Content:
        """Return the content of a file that has what was counted."""
        md5, crc32c = (base64.b64encode(each.digest()).decode() for each in (self._md5, self._crc32c))
        return Content(id_, self.size, md5, crc32c)


class Draft:
    """
    Content that is being written; a context manager, which removes it unless it was kept.

    :param path: its file, which does not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digest = Digest()
        self._file = path.open("xb")
        self._kept = False

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            # writes what is still buffered, and fails where the disk is full
            self._file.close()
        finally:
            if not self._kept:
                self.path.unlink(missing_ok=True)

    def write(self, block: bytes) -> None:
        """Add to its end."""
        self._file.write(block)
        self.digest.update(block)

    def complete(self) -> Content:
        """Write everything to the file and return the finished content."""
        self._file.flush()
        return self.digest.content(self.path.name)

    def keep(self) -> None:
        """Leave the file in place: an object refers to it now."""
        self._kept = True


class Contents:
    """
    The folder of all content.

    :param folder: where; it is made when absent.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def new(self) -> Draft:
        """Start new content."""
        return Draft(self.folder / uuid.uuid4().hex)

    def path(self, id_: str) -> Path:
        """Return the path of a file."""
        return self.folder / id_

    def open(self, id_: str) -> BinaryIO:
        """Open content for reading; what is open can be read to its end even when it is removed."""
        return (self.folder / id_).open("rb")

    def link(self, path: Path) -> str:
        """
        Link a file of this file system into the folder, without copying it.

        :param path: the file.
        """
        id_ = uuid.uuid4().hex
        os.link(path, self.folder / id_)
        return id_

    def copy(self, content: Content) -> Content:
        """Return the same content in a file of its own."""
        return replace(content, id=self.link(self.folder / content.id))

    def describe(self, id_: str) -> Content:
        """
        Return the content of a file, whose checksums are computed by reading it.

        :param id_: name of the file.
        """
        digest = Digest()
        with self.open(id_) as file:
            while block := file.read(BLOCK):
                digest.update(block)
        return digest.content(id_)

    def cut(self, id_: str, unit: int) -> None:
        """
        Shorten a file to whole units.

        :param id_: its name; there is nothing to do if it is absent.
        :param unit: bytes.
        """
        path = self.folder / id_
        if path.exists():
            size = path.stat().st_size
            os.truncate(path, size - size % unit)

    def remove(self, id_: str) -> None:
        """Remove content that no object has any more."""
        (self.folder / id_).unlink(missing_ok=True)

    def ids(self) -> set[str]:
        """Return the names of all files, also of those that were never completed."""
        return {entry.name for entry in os.scandir(self.folder)}
