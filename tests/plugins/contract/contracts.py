"""A small data contract, as a compiled pipeline file carries it."""

from __future__ import annotations

import json
from typing import Any

from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.runs.compiled_pipeline import part_of_file

CONTRACT = {
    "query": "SELECT `ph`, `quality` FROM `{table}` FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({snapshot})",
    "columns": {
        "ph": {"type": "FLOAT64", "min": 0.0, "max": 14.0},
        "alcohol": {"type": "FLOAT64", "min": 0.0, "max": 25.0},
        "quality": {"type": "INT64", "min": 0, "max": 10},
    },
    "label": "quality",
    "outputs": {"good": {"min": 0.0, "max": 1.0}, "grade": {"min": 0.0, "max": 10.0}},
    "sample_instance": {"ph": [3.53], "alcohol": [13.8]},
    "sample_example": "aGVsbG8=",
    "default_signature": "serving_examples",
}

# How the endpoint of a test is watched, as the DAG's config file says it.
MONITORING: dict[str, Any] = {
    "skew_threshold": 0.3,
    "drift_threshold": 0.2,
    "sampling_rate": 0.8,
    "interval_hours": 1,
    "log_ttl_days": 30,
}


def contract() -> DataContract:
    return part_of_file(DataContract, json.dumps({"dataContract": CONTRACT}), "gs://bucket/spec.json")
