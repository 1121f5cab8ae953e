"""The HTTP side of Cloud Storage: the JSON API, and plain reads of objects."""

from localcloud.storage.http.front import create_app

__all__ = ["create_app"]
