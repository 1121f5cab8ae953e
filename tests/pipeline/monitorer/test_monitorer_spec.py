"""Where MonitorerComponent is in a compiled pipeline, and where it is not."""

from __future__ import annotations

import json
from typing import Any

from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from wine_pipeline.commands.compile import compile_pipeline
from wine_pipeline.config import Target, WineConfig
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.scale import Scale

TARGET = Target("wine-local", "europe-west1", "wine-bucket", image="registry/wine:1")
TABLE = "wine-local.wine_quality.white_wine"
TASK = "MonitorerComponent"


def tasks(config: WineConfig, monitored_table: str | None) -> dict[str, Any]:
    job = compile_pipeline(config, TARGET, Scale(), monitored_table, push=True)
    found: dict[str, Any] = job["pipelineSpec"]["root"]["dag"]["tasks"]
    return found


def test_the_spec_that_the_dag_submits_has_no_monitorer() -> None:
    job = compile_pipeline(WineConfig("white"), TARGET, Scale(), push=True)

    assert "monitorer" not in json.dumps(job).lower()


def test_a_monitored_launch_adds_one_task_after_the_pusher_and_changes_no_other() -> None:
    config = WineConfig("white")

    plain, monitored = tasks(config, None), tasks(config, TABLE)

    task = monitored.pop(TASK)
    assert monitored == plain
    assert set(task["dependentTasks"]) == {"StatisticsGen", "Pusher"}
    assert {name: source["taskOutputArtifact"] for name, source in task["inputs"]["artifacts"].items()} == {
        "statistics": {"producerTask": "StatisticsGen", "outputArtifactKey": "statistics"},
        "pushed_model": {"producerTask": "Pusher", "outputArtifactKey": "pushed_model"},
    }
    assert not task.get("cachingOptions", {}).get("enableCache")


def test_the_settings_are_in_the_task() -> None:
    feature = FEATURE_NAMES[0]
    config = WineConfig(
        "white",
        monitoring=MonitoringSettings(
            skew_threshold=0.25,
            drift_threshold=1,
            feature_skew_thresholds={feature: 0.1},
            interval_hours=24,
            emails=["cellar@example.com"],
        ),
    )

    parameters = tasks(config, TABLE)[TASK]["inputs"]["parameters"]

    assert {name: value["runtimeValue"]["constant"] for name, value in parameters.items()} == {
        "project": "wine-local",
        "region": "europe-west1",
        "display_name": "wine-white",
        "training_table": TABLE,
        "target_field": "quality",
        "ignored_features": '["good"]',
        "settings": config.monitoring.model_dump_json(exclude_defaults=True),
        "labels": '{"table": "wine_quality-white_wine", "wine": "white"}',
    }
