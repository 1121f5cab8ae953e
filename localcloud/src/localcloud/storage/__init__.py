"""Cloud Storage: the JSON API, objects in files, and their metadata in SQLite."""

from localcloud.storage.http import create_app
from localcloud.storage.objects import ObjectStore
from localcloud.storage.store import Store
from localcloud.storage.upgrade import take_over

__all__ = ["ObjectStore", "Store", "create_app", "take_over"]
