"""
Statistics of one window of requests, and their distances to a baseline, by TensorFlow Data Validation.

The warm process runs this program in a forked child: ``distances.py FOLDER STATUS_FD``. It reads
``request.json`` in the folder, writes ``result.json`` there, and one JSON line to the status descriptor:
``{"done": true}`` or ``{"failed": "why"}``. Protocol buffers in the files are base64 text.

Source: https://www.tensorflow.org/tfx/data_validation/get_started#checking_data_skew_and_drift
"""

from __future__ import annotations

import base64
import csv
import gzip
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import tensorflow as tf
import tensorflow_data_validation as tfdv  # type: ignore[import-not-found]
import yaml
from tensorflow_data_validation.statistics import stats_impl  # type: ignore[import-not-found]
from tensorflow_metadata.proto.v0 import (
    anomalies_pb2,
    schema_pb2,
    statistics_pb2,
)

_GZIP = b"\x1f\x8b"
_NUMBERS = ("integer", "number")
_COMPARATOR_REASONS = (
    anomalies_pb2.AnomalyInfo.COMPARATOR_L_INFTY_HIGH,
    anomalies_pb2.AnomalyInfo.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH,
)
# mypy has no types of these libraries
Statistics: TypeAlias = Any
# by feature, one entry a row; None is missing
Columns = dict[str, list[Any]]


def main(folder: Path) -> None:
    """Handle the request in the folder."""
    request = json.loads((folder / "request.json").read_text())
    baseline = _training(request["training"]) if request["training"] else None
    serving = statistics_of(instances_of(request["instances"], request["schema"]), baseline)
    previous = _decoded(request["previous"]) if request["previous"] else None
    result = {
        "serving": _encoded(serving),
        "serving_by_feature": _by_feature(serving),
        "training": _encoded(baseline) if baseline else None,
        "training_by_feature": _by_feature(baseline) if baseline else {},
        "skew": _distances(baseline, serving, request["skew"], is_skew=True) if baseline else {},
        "drift": _distances(previous, serving, request["drift"], is_skew=False) if previous else {},
    }
    (folder / "result.json").write_text(json.dumps(result))


def instances_of(payloads: Iterable[str], schema: str | None) -> Columns:
    """
    Read the features of logged instances.

    Instances that are objects name their features; lists and bare values need a schema that names them, and
    what holds no plain values, such as a serialized example, gives no feature.

    Source: https://cloud.google.com/vertex-ai/docs/model-monitoring/schemas

    :param payloads: JSON of each instance.
    :param schema: analysis instance schema, YAML, or None.
    """
    described = yaml.safe_load(schema) if schema else {}
    properties = described.get("properties") or {}
    # of a list, the schema's "required" tells the order
    names = described.get("required") or list(properties)
    rows = []
    for payload in payloads:
        try:
            instance = json.loads(payload)
        except ValueError:
            continue
        if isinstance(instance, list) and names:
            instance = dict(zip(names, instance, strict=False))
        if not isinstance(instance, dict):
            continue
        row = {
            name: _scalar(value) for name, value in instance.items() if not properties or name in properties
        }
        rows.append({name: value for name, value in row.items() if value is not None})
    columns = _columns(rows)
    for name, about in properties.items():
        if name in columns:
            columns[name] = _typed(columns[name], is_number=about.get("type") in _NUMBERS)
    return columns


def _scalar(value: Any) -> Any:
    # a feature of shape [1] comes in a list
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str | int | float) else None


def _columns(rows: list[dict[str, Any]]) -> Columns:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _training(training: Mapping[str, Any]) -> Statistics:
    """Return the statistics of the training data: those that were made before, or from the files."""
    if training["statistics"]:
        return _decoded(training["statistics"])
    columns: Columns = {}
    for path in training["files"]:
        for name, values in _READERS[training["format"]](Path(path)).items():
            columns.setdefault(name, []).extend(values)
    columns.pop(training["target"], None)
    return statistics_of(columns, None)


def _read_examples(path: Path) -> Columns:
    is_packed = path.read_bytes()[:2] == _GZIP
    rows = []
    for record in tf.data.TFRecordDataset(str(path), "GZIP" if is_packed else "").as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        rows.append({name: _first(feature) for name, feature in features.items()})
    return _columns(rows)


def _first(feature: tf.train.Feature) -> Any:
    kind = feature.WhichOneof("kind")
    values = getattr(feature, kind).value if kind else []
    value = values[0] if len(values) == 1 else None
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _read_csv(path: Path) -> Columns:
    return _guessed(_columns(list(csv.DictReader(_text(path).splitlines()))))


def _read_jsonl(path: Path) -> Columns:
    return _columns([json.loads(line) for line in _text(path).splitlines() if line.strip()])


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if data[:2] == _GZIP else data).decode()


_READERS = {"tf-record": _read_examples, "csv": _read_csv, "jsonl": _read_jsonl}


def _guessed(columns: Columns) -> Columns:
    """Convert a column of text in which every value is a number to numbers."""
    guessed = {name: _typed(values, is_number=True) for name, values in columns.items()}
    return {
        name: numbers
        if all(number is not None or not text for number, text in zip(numbers, columns[name], strict=True))
        else columns[name]
        for name, numbers in guessed.items()
    }


def _typed(values: list[Any], *, is_number: bool) -> list[Any]:
    return [_number(value) if is_number else None if value is None else str(value) for value in values]


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def statistics_of(columns: Columns, baseline: Statistics | None) -> Statistics:
    """
    Compute statistics; a feature has the type that it has in the baseline, if it is there.

    :param columns: values by feature.
    :param baseline: statistics of the training data, or None.
    """
    wanted = _kinds(baseline) if baseline else {}
    arrays = {}
    for name, values in columns.items():
        is_number = wanted.get(name, not any(isinstance(value, str) for value in values))
        kind = pa.float32() if is_number else pa.string()
        typed = _typed(values, is_number=is_number)
        arrays[name] = pa.array([None if value is None else [value] for value in typed], pa.list_(kind))
    batch = pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
    return stats_impl.generate_statistics_in_memory(batch, tfdv.StatsOptions())


def _kinds(statistics: Statistics) -> dict[str, bool]:
    """Return for each feature whether it is numeric."""
    return {
        feature.path.step[0]: feature.type != statistics_pb2.FeatureNameStatistics.STRING
        for feature in statistics.datasets[0].features
    }


def _distances(
    baseline: Statistics, serving: Statistics, thresholds: Mapping[str, Any], *, is_skew: bool
) -> dict[str, dict[str, Any]]:
    """
    Measure how far the requests are from a baseline, feature by feature.

    :param thresholds: ``features``, by name, and ``default`` for all others or None.
    :param is_skew: from the training data; else from the window before.
    """
    schema = tfdv.infer_schema(baseline, infer_feature_shape=False)
    for feature in schema.feature:
        threshold = thresholds["features"].get(feature.name, thresholds["default"])
        if threshold is not None:
            comparator = feature.skew_comparator if is_skew else feature.drift_comparator
            kind = (
                comparator.infinity_norm
                if feature.type == schema_pb2.BYTES
                else comparator.jensen_shannon_divergence
            )
            kind.threshold = threshold
    if is_skew:
        found = tfdv.validate_statistics(baseline, schema, serving_statistics=serving)
    else:
        found = tfdv.validate_statistics(serving, schema, previous_statistics=baseline)
    return {
        info.path.step[0]: {
            "distance": measured.value,
            "threshold": measured.threshold,
            "anomaly": _encoded(_comparisons(found.anomaly_info.get(info.path.step[0]))),
        }
        for info in found.drift_skew_info
        for measured in (info.skew_measurements if is_skew else info.drift_measurements)
    }


def _comparisons(info: anomalies_pb2.AnomalyInfo | None) -> anomalies_pb2.AnomalyInfo:
    """Keep the reasons that are distances: what else the schema finds is not what was asked."""
    kept = anomalies_pb2.AnomalyInfo()
    if info is not None:
        kept.CopyFrom(info)
        del kept.reason[:]
        kept.reason.extend(reason for reason in info.reason if reason.type in _COMPARATOR_REASONS)
    return kept if kept.reason else anomalies_pb2.AnomalyInfo()


def _by_feature(statistics: Statistics) -> dict[str, str]:
    return {feature.path.step[0]: _encoded(feature) for feature in statistics.datasets[0].features}


def _encoded(message: Any) -> str:
    return base64.b64encode(message.SerializeToString()).decode()


def _decoded(text: str) -> Statistics:
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(base64.b64decode(text))


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[2]), "w", closefd=False) as reports:
        try:
            main(Path(sys.argv[1]))
        except Exception as error:
            print(json.dumps({"failed": f"{type(error).__name__}: {error}"}), file=reports)
            raise
        print(json.dumps({"done": True}), file=reports)
