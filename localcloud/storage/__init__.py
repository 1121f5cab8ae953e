"""Cloud Storage: fake-gcs-server, mended where Google's clients expect more."""

from localcloud.storage.objects import ObjectStore

__all__ = ["ObjectStore"]
