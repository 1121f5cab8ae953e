"""Objects by their gs:// address, for the other services of localcloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import urllib3

from localcloud.errors import ApiError
from localcloud.storage import names


class ObjectStore:
    """
    Reads and writes objects from any thread, straight from the storage server.

    Source: https://cloud.google.com/storage/docs/json_api/v1/objects

    :param base_url: address of the storage server, such as ``http://127.0.0.1:4443``.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._pool = urllib3.PoolManager(maxsize=8)

    def read(self, uri: str) -> bytes:
        """
        Give the content of an object.

        :param uri: ``gs://bucket/name``.
        :raises ApiError: 404 when there is no such object.
        """
        return self.read_typed(uri)[0]

    def read_typed(self, uri: str) -> tuple[bytes, str]:
        """
        Give the content of an object, and of what type it is.

        :param uri: ``gs://bucket/name``.
        :raises ApiError: 404 when there is no such object.
        """
        bucket, name = split(uri)
        response = self._call("GET", f"{names.object_path(bucket, name)}?alt=media", uri)
        return response.data, response.headers.get("Content-Type", "application/octet-stream")

    def write(self, uri: str, data: bytes) -> None:
        """
        Create an object or replace it.

        :param uri: ``gs://bucket/name``.
        :param data: the whole content.
        :raises ApiError: 404 when there is no such bucket.
        """
        bucket, name = split(uri)
        query = urlencode({"uploadType": "media", "name": names.encode(name)})
        self._call("POST", f"/upload{names.bucket_path(bucket)}/o?{query}", uri, data)

    def ensure_bucket(self, bucket: str) -> None:
        """Make a bucket where it is missing."""
        try:
            self._call("GET", names.bucket_path(bucket), f"gs://{bucket}")
        except ApiError as error:
            if error.code != 404:
                raise
            body = json.dumps({"name": bucket}).encode()
            self._call("POST", "/storage/v1/b", f"gs://{bucket}", body)

    def location(self, bucket: str) -> str:
        """
        Tell where a bucket is.

        :param bucket: its name.
        :raises ApiError: 404 when there is no such bucket.
        """
        answer = self._call("GET", names.bucket_path(bucket), f"gs://{bucket}")
        return str(answer.json()["location"]).upper()

    def exists(self, uri: str) -> bool:
        """
        Tell whether there is such an object.

        :param uri: ``gs://bucket/name``.
        """
        bucket, name = split(uri)
        try:
            self._call("GET", names.object_path(bucket, name), uri)
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return True

    def list(self, uri_prefix: str) -> list[str]:
        """
        Give the addresses of all objects that begin so, sorted.

        :param uri_prefix: ``gs://bucket/beginning``; the beginning may be empty and need not end at a slash.
        :raises ApiError: 404 when there is no such bucket.
        """
        bucket, prefix = split(uri_prefix)
        found = (names.decode(item["name"]) for item in self._items(bucket, prefix, uri_prefix))
        return sorted(f"gs://{bucket}/{name}" for name in found if name.startswith(prefix))

    def _items(self, bucket: str, prefix: str, uri: str) -> Iterator[dict[str, Any]]:
        query = {"prefix": names.encode_prefix(prefix)}
        while True:
            path = f"{names.bucket_path(bucket)}/o?{urlencode(query)}"
            page = json.loads(self._call("GET", path, uri).data)
            yield from page.get("items", [])
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = page["nextPageToken"]

    def _call(self, method: str, path: str, uri: str, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        headers = {"Content-Type": "application/octet-stream"} if body is not None else {}
        response = self._pool.request(
            method, self.base_url + path, body=body, headers=headers, redirect=False
        )
        if response.status == 404:
            raise ApiError(404, "NOT_FOUND", f"Not found: {uri}")
        if response.status >= 400:
            text = response.data.decode(errors="replace").strip()
            raise ApiError(500, "INTERNAL", f"{method} {uri}: {response.status} {text}", "internalError")
        return response


def split(uri: str) -> tuple[str, str]:
    """
    Part a ``gs://`` address into bucket and object name.

    :param uri: ``gs://bucket/name``.
    :raises ApiError: 400 when it is no such address.
    """
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket:
        raise ApiError(400, "INVALID_ARGUMENT", f"Not a gs:// address: {uri}", "invalid")
    return bucket, name
