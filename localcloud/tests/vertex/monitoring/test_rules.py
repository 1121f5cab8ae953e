"""The rules of a ModelDeploymentMonitoringJob."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.protobuf import json_format

from localcloud.vertex.monitoring.rules import check_job

JOB: dict[str, Any] = {
    "displayName": "wine",
    "endpoint": "e",
    "loggingSamplingStrategy": {"randomSampleConfig": {"sampleRate": 0.5}},
    "modelDeploymentMonitoringScheduleConfig": {"monitorInterval": "3600s"},
    "modelDeploymentMonitoringObjectiveConfigs": [
        {
            "deployedModelId": "1",
            "objectiveConfig": {
                "trainingDataset": {"bigquerySource": {"inputUri": "bq://p.d.t"}, "targetField": "quality"},
                "trainingPredictionSkewDetectionConfig": {"skewThresholds": {"alcohol": {"value": 0.3}}},
                "predictionDriftDetectionConfig": {"defaultDriftThreshold": {"value": 1}},
            },
        }
    ],
}
SCHEDULE = ("modelDeploymentMonitoringScheduleConfig",)
DEPLOYED_ID = ("modelDeploymentMonitoringObjectiveConfigs", 0, "deployedModelId")
OBJECTIVE = ("modelDeploymentMonitoringObjectiveConfigs", 0, "objectiveConfig")
SKEW = (*OBJECTIVE, "trainingPredictionSkewDetectionConfig")
DRIFT = (*OBJECTIVE, "predictionDriftDetectionConfig")


def job_with(path: tuple[str | int, ...] = (), value: Any = None) -> v1.ModelDeploymentMonitoringJob:
    """Create a valid job with one field changed; None drops it."""
    fields: Any = copy.deepcopy(JOB)
    if path:
        owner = fields
        for part in path[:-1]:
            owner = owner[part]
        if value is None:
            del owner[path[-1]]
        else:
            owner[path[-1]] = value
    job = v1.ModelDeploymentMonitoringJob()
    json_format.ParseDict(fields, v1.ModelDeploymentMonitoringJob.pb(job))
    return job


def test_a_good_job_is_accepted() -> None:
    check_job(job_with(), ["1", "2"])


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (
            (*SCHEDULE, "monitorInterval"),
            None,
            "monitor_interval; .*required",
        ),
        ((*SCHEDULE, "monitorInterval"), "5400s", "whole number of hours"),
        ((*SCHEDULE, "monitorWindow"), "60s", "whole number of hours"),
        (("loggingSamplingStrategy",), None, r"sample_rate; Message: It must be in \(0, 1\], got 0"),
        (("loggingSamplingStrategy", "randomSampleConfig", "sampleRate"), 1.5, "got 1.5"),
        (("modelDeploymentMonitoringObjectiveConfigs",), [], "objective_configs is empty"),
        (
            DEPLOYED_ID,
            "3",
            "'3' is not a deployed model",
        ),
        (
            DEPLOYED_ID,
            None,
            "'' is not a deployed model",
        ),
        (OBJECTIVE, None, "objective of '1' is empty"),
        ((*SKEW, "skewThresholds", "alcohol", "value"), 0, "threshold of 'alcohol' .* got 0"),
        ((*SKEW, "skewThresholds", "alcohol", "value"), 1.1, "threshold of 'alcohol' .* got 1.1"),
        ((*DRIFT, "driftThresholds"), {"sugar": {"value": -0.1}}, "threshold of 'sugar' .* got -0.1"),
        ((*DRIFT, "defaultDriftThreshold", "value"), 2, "threshold of 'default_drift_threshold'"),
        ((*OBJECTIVE, "trainingDataset"), None, "needs a training dataset"),
        ((*OBJECTIVE, "trainingDataset", "bigquerySource"), None, "names no data source"),
        ((*OBJECTIVE, "trainingDataset"), {"gcsSource": {"uris": ["gs://b/x"]}}, "data_format; .*tf-record"),
    ],
)
def test_a_broken_rule_is_named(path: tuple[str | int, ...], value: Any, reason: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=reason):
        check_job(job_with(path, value), ["1", "2"])


def test_a_deployed_model_is_configured_once() -> None:
    configs = JOB["modelDeploymentMonitoringObjectiveConfigs"] * 2

    with pytest.raises(exceptions.InvalidArgument, match="'1' is configured twice"):
        check_job(job_with(("modelDeploymentMonitoringObjectiveConfigs",), configs), ["1"])


def test_all_broken_rules_are_listed() -> None:
    job = job_with(("modelDeploymentMonitoringObjectiveConfigs",), [])
    job.logging_sampling_strategy = {}

    with pytest.raises(exceptions.InvalidArgument, match=r"1\.Field: .*sample_rate.* 2\.Field: .*is empty"):
        check_job(job, ["1"])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*OBJECTIVE, "explanationConfig"), {"enableFeatureAttributes": True}),
        ((*SKEW, "attributionScoreSkewThresholds"), {"alcohol": {"value": 0.3}}),
    ],
)
def test_monitoring_of_attributions_is_refused(path: tuple[str | int, ...], value: Any) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match="feature attributions"):
        check_job(job_with(path, value), ["1"])
