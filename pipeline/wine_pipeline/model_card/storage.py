"""Writes a file with the type that a browser needs, which TensorFlow's file system does not tell."""

from __future__ import annotations

from pathlib import Path

from google.cloud import storage

_GCS = "gs://"
_ANSWER_SECONDS = 60.0


def write_text(uri: str, text: str, content_type: str) -> None:
    """
    Create a file or replace it.

    :param uri: local or gs://.
    :param text: the whole content.
    :param content_type: what a browser is told that it is.
    """
    if not uri.startswith(_GCS):
        path = Path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    bucket, _, name = uri.removeprefix(_GCS).partition("/")
    # to write into a bucket that is there, no project need be known
    blob = storage.Client(project=None).bucket(bucket).blob(name)
    blob.upload_from_string(text, content_type=content_type, timeout=_ANSWER_SECONDS)
