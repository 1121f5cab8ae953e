"""The ExampleValidator that stops the pipeline at an anomaly; TFX's own only reports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx import types
from tfx.components.example_validator import executor
from tfx.components.example_validator.component import ExampleValidator
from tfx.dsl.components.base import executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs

# StatisticsGen's name for it
_STATISTICS_FILE = "FeatureStats.pb"

Artifacts = Mapping[str, list[types.Artifact]]


class AnomaliesError(ValueError):
    """The examples do not match the schema; the message names feature, split and anomaly."""


class Executor(executor.Executor):
    """Compare the statistics of each split with the schema."""

    def Do(  # noqa: N802 (TFX's name)
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> Any:
        """
        Write the anomalies of each split, and fail if there are any.

        :param input_dict: ``statistics`` and ``schema``.
        :param output_dict: ``anomalies``.
        :param exec_properties: the parameters of the component's specification.
        :raises AnomaliesError: if there are any, or a split has no rows.
        """
        statistics = artifact_utils.get_single_instance(input_dict[standard_component_specs.STATISTICS_KEY])
        if empty := [
            split
            for split in artifact_utils.decode_split_names(statistics.split_names)
            if not _count_rows(artifact_utils.get_split_uri([statistics], split))
        ]:
            # TFDV finds nothing odd in no rows
            raise AnomaliesError(f"the split {' and '.join(empty)} has no rows: the query returned too few")
        result = super().Do(input_dict, output_dict, exec_properties)
        found = output_dict[standard_component_specs.ANOMALIES_KEY]
        splits = artifact_utils.decode_split_names(artifact_utils.get_single_instance(found).split_names)
        causes = [
            cause for split in splits for cause in _read(artifact_utils.get_split_uri(found, split), split)
        ]
        if causes:
            raise AnomaliesError("; ".join(causes))
        return result


class StrictExampleValidator(ExampleValidator):
    """
    ExampleValidator whose task fails if there are anomalies.

    Components that must not run after an anomaly depend on it by ``add_upstream_node``.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)


def _count_rows(folder: str) -> int:
    with fileio.open(f"{folder}/{_STATISTICS_FILE}", "rb") as file:
        found = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read())
    return sum(int(dataset.num_examples) for dataset in found.datasets)


def _read(folder: str, split: str) -> list[str]:
    anomalies = anomalies_pb2.Anomalies()
    with fileio.open(f"{folder}/{executor.DEFAULT_FILE_NAME}", "rb") as file:
        anomalies.ParseFromString(file.read())
    causes = [
        f"{name} in the split {split}: {info.description}"
        for name, info in sorted(anomalies.anomaly_info.items())
    ]
    if anomalies.HasField("dataset_anomaly_info"):
        causes.append(f"the split {split}: {anomalies.dataset_anomaly_info.description}")
    return causes
