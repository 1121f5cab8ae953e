"""The training data that requests are compared with, copied to this machine."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from google.cloud import aiplatform_v1 as v1

from localcloud.bigquery.api.client import InProcessClient
from localcloud.errors import ApiError
from localcloud.storage import ObjectStore
from localcloud.vertex.api.calls import unimplemented

TrainingDataset = v1.ModelMonitoringObjectiveConfig.TrainingDataset
_BQ_TABLE = re.compile(r"bq://[^.]+\.(?P<dataset>[^.]+)\.(?P<table>[^.]+)")


class TrainingData:
    """
    Fetch training datasets.

    :param objects: the buckets.
    :param bigquery: the tables.
    """

    def __init__(self, objects: ObjectStore, bigquery: InProcessClient) -> None:
        self._objects = objects
        self._bigquery = bigquery

    def fetch(self, dataset: TrainingDataset, folder: Path) -> dict[str, Any]:
        """
        Copy a dataset's files into a folder, and return how to read them.

        :param dataset: what an objective config names.
        :param folder: an empty folder.
        :raises ApiError: 404 when the files or the table are not there.
        :raises google.api_core.exceptions.MethodNotImplemented: it is a dataset of Vertex AI.
        """
        if "gcs_source" in dataset:
            return {"files": self._objects_of(dataset, folder), "format": dataset.data_format}
        if "bigquery_source" in dataset:
            return {"files": [self._table(dataset.bigquery_source.input_uri, folder)], "format": "jsonl"}
        raise unimplemented("training_dataset.dataset; name files or a table")

    def _objects_of(self, dataset: TrainingDataset, folder: Path) -> list[str]:
        found = [uri for pattern in dataset.gcs_source.uris for uri in self._matching(pattern)]
        if not found:
            message = f"There is no training data at {', '.join(dataset.gcs_source.uris)}."
            raise ApiError(404, "NOT_FOUND", message)
        files = []
        for number, uri in enumerate(found):
            path = folder / f"training-{number}"
            path.write_bytes(self._objects.read(uri))
            files.append(str(path))
        return files

    def _matching(self, pattern: str) -> list[str]:
        listed = self._objects.list(pattern.split("*")[0])
        return [uri for uri in listed if fnmatch.fnmatchcase(uri, pattern.replace("[", "[[]"))]

    def _table(self, uri: str, folder: Path) -> str:
        found = _BQ_TABLE.fullmatch(uri)
        if not found:
            raise ApiError(400, "INVALID_ARGUMENT", f"{uri!r} is not bq://PROJECT.DATASET.TABLE.")
        path = folder / "training-table.jsonl"
        rows = self._bigquery.rows(found["dataset"], found["table"])
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)


def fingerprint(dataset: TrainingDataset) -> str:
    """Return what identifies a dataset; empty if its content may change under the same name."""
    if "bigquery_source" in dataset:
        return ""
    return hashlib.sha256(TrainingDataset.serialize(dataset)).hexdigest()
