"""What MonitorerComponent does: from artifacts and parameters to the endpoint's monitoring job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from absl import logging  # type: ignore[import-not-found]
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from wine_pipeline.config import MonitoringConfig
from wine_pipeline.monitorer.features import read_numeric_means
from wine_pipeline.monitorer.jobs import MonitoringClient
from wine_pipeline.monitorer.wanted import TrainingData, wanted_job

STATISTICS = "statistics"
PUSHED_MODEL = "pushed_model"
MONITORING_JOB = "monitoring_job"

Artifacts = Mapping[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """
    Make the endpoint's one monitoring job watch the model that was just deployed.

    The job is found through the endpoint, never by its display name, so a second launch updates it.
    """

    def Do(  # noqa: N802 (TFX's name)
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> None:
        """
        Create the job, or update what differs.

        :param input_dict: ``statistics`` and ``pushed_model``.
        :param output_dict: ``monitoring_job``.
        :param exec_properties: the parameters of the component's specification.
        :raises MonitoringError: if the endpoint cannot be watched as asked for; the message says why.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        output = artifact_utils.get_single_instance(output_dict[MONITORING_JOB])
        pushed = artifact_utils.get_single_instance(input_dict[PUSHED_MODEL])
        # TFX's Pusher writes these two, and 0 when the model was not blessed
        if pushed.get_int_custom_property("pushed") != 1:
            logging.info("Nothing was pushed: the monitoring stays as it is")
            output.value = None
            return
        statistics = artifact_utils.get_single_instance(input_dict[STATISTICS])
        client = MonitoringClient(exec_properties["region"])
        deployment = client.find_deployment(pushed.get_string_custom_property("pushed_destination"))
        target_field = exec_properties["target_field"]
        wanted = wanted_job(
            display_name=exec_properties["display_name"],
            deployment=deployment,
            means=read_numeric_means(
                statistics, {target_field, *json.loads(exec_properties["ignored_features"])}
            ),
            training=TrainingData(exec_properties["training_table"], target_field),
            config=_config(exec_properties),
        )
        job = client.create_or_update(exec_properties["project"], wanted)
        logging.info("%s watches %s", job.name, deployment)
        output.value = job.name


def _config(exec_properties: Mapping[str, Any]) -> MonitoringConfig:
    return MonitoringConfig(
        skew_threshold=exec_properties["skew_threshold"],
        drift_threshold=exec_properties["drift_threshold"],
        feature_skew_thresholds=json.loads(exec_properties["feature_skew_thresholds"]),
        feature_drift_thresholds=json.loads(exec_properties["feature_drift_thresholds"]),
        sampling_rate=exec_properties["sampling_rate"],
        interval_hours=exec_properties["interval_hours"],
        log_ttl_days=exec_properties["log_ttl_days"],
        emails=tuple(json.loads(exec_properties["emails"])),
    )
