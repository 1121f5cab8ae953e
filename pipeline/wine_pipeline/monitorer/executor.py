"""The executor of MonitorerComponent: from artifacts and parameters to the endpoint's monitoring job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from absl import logging  # type: ignore[import-not-found]
from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from vertex_mlops.contract.data_contract import unknown_features
from vertex_mlops.contract.monitoring.job import monitoring_job, objective_config
from vertex_mlops.contract.monitoring.settings import MonitoringSettings

from wine_pipeline.monitorer.errors import MonitoringError
from wine_pipeline.monitorer.features import read_numeric_means
from wine_pipeline.monitorer.jobs import Deployment, MonitoringClient

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
        :raises MonitoringError: if the endpoint cannot be monitored as requested; the message says why.
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
        ignored = {exec_properties["target_field"], *json.loads(exec_properties["ignored_features"])}
        means = read_numeric_means(statistics, ignored)
        wanted = wanted_job(deployment, means, exec_properties)
        job = client.create_or_update(exec_properties["project"], wanted)
        logging.info("%s watches %s", job.name, deployment)
        output.value = job.name


def wanted_job(
    deployment: Deployment, means: Mapping[str, float], exec_properties: Mapping[str, Any]
) -> ModelDeploymentMonitoringJob:
    """
    Return the job that the endpoint should have if the deployed model were its only one.

    :param deployment: the model to watch.
    :param means: each feature to watch with a typical value, which shows the format of the requests.
    :param exec_properties: the parameters of the component's specification.
    :raises MonitoringError: if a threshold is set for a feature that does not exist.
    """
    settings = MonitoringSettings.model_validate_json(exec_properties["settings"])
    if problem := unknown_features(settings.named_features, means):
        raise MonitoringError(problem)
    objective = objective_config(
        settings,
        features=means,
        label=exec_properties["target_field"],
        training_data=f"bq://{exec_properties['training_table']}",
    )
    return monitoring_job(
        display_name=exec_properties["display_name"],
        endpoint=deployment.endpoint,
        objectives={deployment.deployed_model_id: objective},
        settings=settings,
        sample_instance={name: [mean] for name, mean in means.items()},
        labels=json.loads(exec_properties["labels"]),
    )
