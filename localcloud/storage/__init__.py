"""Cloud Storage: fake-gcs-server, mended where Google's clients expect more."""

from localcloud.storage.front import create_app
from localcloud.storage.objects import ObjectStore
from localcloud.storage.server import FakeGcs

__all__ = ["FakeGcs", "ObjectStore", "create_app"]
