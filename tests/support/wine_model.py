"""A model that grades a wine by its alcohol, for suites that need no training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.cloud import storage

from localcloud.testing import SampleModel, export_sample_model, upload_sample_model

TARGET = "quality"
Row = dict[str, Any]
# what the model answers: the feature, and what it is divided by
_OUTPUTS = {
    "good": ("alcohol", 20.0),
    "grade": ("alcohol", 2.0),
    "grade_low": ("alcohol", 2.2),
    "grade_high": ("alcohol", 1.8),
}


def answer(alcohol: float) -> dict[str, float]:
    """Return what the model says of a wine."""
    return {name: alcohol / divisor for name, (_, divisor) in _OUTPUTS.items()}


def export_wine(python: Path, bucket: storage.Bucket, rows: Sequence[Row], folder: Path) -> SampleModel:
    """Export a model and the rows that it knows, and upload both below the folder's name."""
    export_sample_model(python, folder, rows, label=TARGET, outputs=_OUTPUTS)
    return upload_sample_model(bucket, folder)
