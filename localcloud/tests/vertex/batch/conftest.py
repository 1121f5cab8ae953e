"""Models that predict the rows of a table, and a dataset in their region."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import aiplatform_v1 as v1
from google.cloud import bigquery, storage
from tests.vertex.batch.jobs import Batch
from tests.vertex.vertex_clients import BUCKET, REGION, Clients

from localcloud.testing import MakeOnce
from localcloud.testing.sample_model import upload_folder

# one model that takes objects, one that takes arrays; a wine stronger than 100 % is an error
_EXPORT = """
import sys
import tensorflow as tf

def answer(alcohol, ph):
    with tf.control_dependencies([tf.debugging.assert_less(alcohol, 100.0, "too strong")]):
        return {"grade": alcohol / 2, "ph": ph * 1.0}

class Named(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name=n) for n in ("alcohol", "ph")])
    def serve(self, alcohol, ph):
        return answer(alcohol, ph)

class Listed(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="row")])
    def serve(self, row):
        return answer(row[:, 0], row[:, 1])

for name, model in (("named", Named()), ("listed", Listed())):
    tf.saved_model.save(model, f"{sys.argv[1]}/{name}", signatures={"serving_default": model.serve})
"""


@pytest.fixture(scope="session")
def model_folders(pipeline_python: Path, make_once: MakeOnce) -> Path:
    """Return a folder with both models."""

    def export(folder: Path) -> None:
        command = [pipeline_python, "-c", _EXPORT, folder]
        subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    return make_once("batch-models", export)


@pytest.fixture(scope="session")
def models(
    model_folders: Path, bucket: storage.Bucket, new_model: Callable[..., v1.UploadModelResponse]
) -> dict[str, str]:
    """Return the names of both models in the registry."""
    upload_folder(bucket, model_folders, "batch")
    return {
        name: new_model(display_name=f"a {name} wine", artifact_uri=f"gs://{BUCKET}/batch/{name}").model
        for name in ("named", "listed")
    }


@pytest.fixture
def batch(cloud: Any, clients: Clients, parent: str) -> Iterator[Batch]:
    """Return a new dataset."""
    tables = bigquery.Client(project=cloud.settings.project)
    dataset = bigquery.Dataset(f"{tables.project}.batch_{uuid.uuid4().hex[:8]}")
    dataset.location = REGION
    tables.create_dataset(dataset)
    yield Batch(clients.jobs, tables, parent, dataset.dataset_id)
    tables.delete_dataset(dataset, delete_contents=True)
