"""A model for tests that need one to serve or to monitor, and no training."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.cloud import storage

_PROGRAM = Path(__file__).with_name("sample_model_export.py")
_EXPORT_SECONDS = 300


@dataclass(frozen=True)
class SampleModel:
    """
    A model in a bucket, and the examples that stand for its training data.

    :param model: ``gs://`` folder of the SavedModel. Its signature ``serving_default`` takes serialized
        tf.Examples, ``serving_raw`` named features.
    :param examples: ``gs://`` pattern of the examples: TFRecord files, compressed with gzip.
    :param example: the first of them, in base64.
    """

    model: str
    examples: str
    example: str


def export_sample_model(
    python: Path,
    folder: Path,
    rows: Sequence[Mapping[str, float]],
    *,
    label: str,
    outputs: Mapping[str, tuple[str, float]],
) -> None:
    """
    Export a model and its training examples to a folder.

    :param python: interpreter of an environment with TensorFlow, such as ``Settings.pipeline_python``.
    :param folder: existing folder; gets ``model``, ``Split-train`` and ``example``.
    :param rows: training data: numbers by column.
    :param label: column of integers; the others are the model's features.
    :param outputs: by the name of each output, the feature and the number that it is divided by.
    :raises subprocess.CalledProcessError: the export fails; its ``stderr`` says why.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json") as request:
        json.dump({"rows": list(rows), "label": label, "outputs": dict(outputs)}, request)
        request.flush()
        subprocess.run(
            [python, _PROGRAM, request.name, folder],
            capture_output=True,
            text=True,
            timeout=_EXPORT_SECONDS,
            check=True,
        )


def upload_sample_model(bucket: storage.Bucket, folder: Path) -> SampleModel:
    """
    Upload what :func:`export_sample_model` has exported, below the folder's name.

    :param bucket: takes the files.
    :param folder: the exported folder.
    """
    # a prebuilt container reads model/, TensorFlow Serving model/1/
    for part, target in (("model", "model"), ("model", "model/1"), ("Split-train", "Split-train")):
        upload_folder(bucket, folder / part, f"{folder.name}/{target}")
    root = f"gs://{bucket.name}/{folder.name}"
    return SampleModel(f"{root}/model", f"{root}/Split-train/*", (folder / "example").read_text())


def upload_folder(bucket: storage.Bucket, folder: Path, prefix: str) -> None:
    """
    Upload the files of a folder.

    :param bucket: takes the files.
    :param folder: a local folder.
    :param prefix: of the names of the objects.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            bucket.blob(f"{prefix}/{path.relative_to(folder)}").upload_from_filename(str(path))
