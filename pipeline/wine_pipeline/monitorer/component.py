"""The interface of MonitorerComponent: its inputs and outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from vertex_mlops.contract.monitoring.settings import MonitoringSettings

from wine_pipeline.monitorer.executor import MONITORING_JOB, PUSHED_MODEL, STATISTICS, Executor


class MonitorerComponentSpec(types.ComponentSpec):
    """
    The specification of MonitorerComponent.

    A compiled pipeline holds text and numbers alone, so settings, lists and mappings travel as JSON.
    """

    PARAMETERS = {  # noqa: RUF012 (TFX reads the class attribute)
        "project": ExecutionParameter(type=str),
        "region": ExecutionParameter(type=str),
        "display_name": ExecutionParameter(type=str),
        "training_table": ExecutionParameter(type=str),
        "target_field": ExecutionParameter(type=str),
        "ignored_features": ExecutionParameter(type=str),
        "settings": ExecutionParameter(type=str),
        "labels": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        STATISTICS: ChannelParameter(type=standard_artifacts.ExampleStatistics),
        PUSHED_MODEL: ChannelParameter(type=standard_artifacts.PushedModel),
    }
    OUTPUTS = {  # noqa: RUF012
        MONITORING_JOB: ChannelParameter(type=standard_artifacts.String),
    }


class MonitorerComponent(base_component.BaseComponent):
    """
    Create or update the monitoring job of the endpoint to which a Pusher has deployed a model.

    It watches the numeric features of the statistics, each with a threshold for skew and one for drift. If
    the Pusher pushed nothing, it changes nothing.

    Component ``outputs`` contains:
     - ``monitoring_job``: Channel of type ``standard_artifacts.String``: the job's resource name, null if
       nothing was pushed.
    """

    SPEC_CLASS = MonitorerComponentSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        statistics: types.BaseChannel,
        pushed_model: types.BaseChannel,
        project: str,
        region: str,
        display_name: str,
        training_table: str,
        target_field: str,
        ignored_features: Sequence[str],
        settings: MonitoringSettings,
        labels: Mapping[str, str],
    ) -> None:
        """
        :param statistics: of the examples that the model learned from; names the features.
        :param pushed_model: of a Pusher that deploys to Vertex AI.
        :param project: project id of the endpoint.
        :param region: Vertex AI region of the endpoint.
        :param display_name: of the monitoring job, as the console shows it.
        :param training_table: project.dataset.table against which skew is measured.
        :param target_field: column that the model predicts.
        :param ignored_features: other features of the examples that the model does not take.
        :param settings: thresholds, sampling, schedule, alerts and storage.
        :param labels: of the monitoring job, by which the DAG of the drift finds it; others that it has stay.
        """
        spec = MonitorerComponentSpec(
            statistics=statistics,
            pushed_model=pushed_model,
            monitoring_job=types.Channel(type=standard_artifacts.String),
            project=project,
            region=region,
            display_name=display_name,
            training_table=training_table,
            target_field=target_field,
            ignored_features=json.dumps(list(ignored_features)),
            settings=settings.model_dump_json(exclude_defaults=True),
            labels=json.dumps(dict(labels), sort_keys=True),
        )
        super().__init__(spec=spec)
