"""Name compiled pipelines by their digests, and keep a pointer to the one that new runs use."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.cloud.storage import Bucket

_DIGEST_LENGTH = 12
# as plugins/vertex_mlops/runs/compiled_pipeline.py reads it
_KEY = "spec"


def spec_name(wine: str, digest: str) -> str:
    """
    Return the name of a compiled pipeline in the bucket; its content never changes.

    :param wine: that it is for.
    :param digest: SHA-256 of the file, in hexadecimal digits.
    """
    return f"specs/wine-{wine}/{digest[:_DIGEST_LENGTH]}.json"


def pointer_name(wine: str) -> str:
    """
    Return the name of the pointer in the bucket: ``spec`` of dags/wine_config.yaml.

    :param wine: whose DAG reads it.
    """
    return f"specs/wine-{wine}.json"


def pointer(bucket: str, name: str) -> str:
    """
    Return the content of a pointer.

    :param bucket: of the compiled pipeline, without ``gs://``.
    :param name: of the compiled pipeline in it.
    """
    return json.dumps({_KEY: f"gs://{bucket}/{name}"}) + "\n"


def digest_of(compiled: bytes) -> str:
    """
    Return the digest of a compiled pipeline.

    :param compiled: content of the file.
    """
    return hashlib.sha256(compiled).hexdigest()


def publish(bucket: Bucket, wine: str, compiled: bytes) -> str:
    """
    Upload a compiled pipeline unless it exists, and switch new runs to it.

    :param bucket: to upload to.
    :param wine: that it is for.
    :param compiled: content of the file.
    :return: its ``gs://`` URI.
    """
    from google.api_core.exceptions import PreconditionFailed

    name = spec_name(wine, digest_of(compiled))
    # the same name is the same content
    with suppress(PreconditionFailed):
        bucket.blob(name).upload_from_string(compiled, content_type="application/json", if_generation_match=0)
    bucket.blob(pointer_name(wine)).upload_from_string(
        pointer(bucket.name, name), content_type="application/json"
    )
    return f"gs://{bucket.name}/{name}"


def read_current(bucket: Bucket, wine: str) -> dict[str, Any]:
    """
    Read the compiled pipeline that new runs use.

    :param bucket: to read from.
    :param wine: whose pipeline.
    :raises google.cloud.exceptions.NotFound: the pointer, or the file that it names, does not exist.
    :raises ValueError: it is not JSON.
    :raises KeyError: the pointer names nothing.
    """
    named = json.loads(bucket.blob(pointer_name(wine)).download_as_bytes())[_KEY]
    name = named.removeprefix(f"gs://{bucket.name}/")
    content: dict[str, Any] = json.loads(bucket.blob(name).download_as_bytes())
    return content
