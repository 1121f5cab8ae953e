"""The compiled spec says what leaves the tasks; read there, and by the code that will read it."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    PipelineOptions,
    StandardOptions,
    WorkerOptions,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from google.cloud.aiplatform_v1.types import AcceleratorType, CustomJob
from tfx.extensions.google_cloud_ai_platform.trainer.executor import TRAINING_ARGS_KEY
from tfx.extensions.google_cloud_ai_platform.training_clients import VertexJobClient
from wine_pipeline.commands.compile import compile_pipeline
from wine_pipeline.config import Target, TrainingConfig, WineConfig
from wine_pipeline.scale import DataflowConfig, Scale, TrainingJobConfig

from tests.pipeline import stages
from tests.pipeline.wine_examples import Artifacts

TARGET = Target("wine-local", "europe-west1", "wine-bucket", image="registry/wine:1")
ACCOUNT = "wine-scale@wine-local.iam.gserviceaccount.com"
BEAM_STEPS = ["BigQueryExampleGen", "StatisticsGen", "Transform", "Evaluator"]
OTHER_STEPS = ["SchemaGen", "ExampleValidator", "Trainer", "BaselineModel", "MetricsReporter", "ModelCard"]

SCALE = Scale(
    dataflow=DataflowConfig("n1-standard-8", 12, "regions/europe-west1/subnetworks/wine"),
    training=TrainingJobConfig("n1-standard-16", "NVIDIA_TESLA_T4", 2, "registry/wine-gpu:1"),
    service_account="wine-scale",
)


def spec_of(scale: Scale) -> dict[str, Any]:
    return compile_pipeline(WineConfig("white"), TARGET, scale)["pipelineSpec"]


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return spec_of(SCALE)


def container(spec: dict[str, Any], step: str) -> dict[str, Any]:
    label = spec["components"][step]["executorLabel"]
    return spec["deploymentSpec"]["executors"][label]["container"]


def beam_arguments(spec: dict[str, Any], step: str) -> list[str]:
    arguments = container(spec, step)["args"]
    return arguments[arguments.index("--json_serialized_inputs_spec_args") + 2 :]


def custom_config(spec: dict[str, Any]) -> dict[str, Any]:
    parameters = spec["root"]["dag"]["tasks"]["Trainer"]["inputs"]["parameters"]
    return json.loads(parameters["custom_config"]["runtimeValue"]["constant"])


@pytest.mark.parametrize("step", BEAM_STEPS)
def test_each_beam_step_goes_to_dataflow_and_beam_accepts_its_options(
    step: str, spec: dict[str, Any]
) -> None:
    # dry: else the check asks Cloud Storage about the bucket
    options = PipelineOptions([*beam_arguments(spec, step), "--dry_run=true"])

    cloud, worker = options.view_as(GoogleCloudOptions), options.view_as(WorkerOptions)
    assert options.view_as(StandardOptions).runner == "DataflowRunner"
    assert (cloud.project, cloud.region) == ("wine-local", "europe-west1")
    assert cloud.temp_location == "gs://wine-bucket/tmp"
    assert cloud.service_account_email == ACCOUNT
    assert cloud.labels == ["wine=white"]
    assert (worker.machine_type, worker.max_num_workers) == ("n1-standard-8", 12)
    assert worker.subnetwork == "regions/europe-west1/subnetworks/wine"
    assert worker.use_public_ips is False
    assert worker.sdk_container_image == "registry/wine:1"
    assert PipelineOptionsValidator(options, DataflowRunner()).validate() == []


@pytest.mark.parametrize("step", OTHER_STEPS)
def test_no_other_step_hears_of_dataflow(step: str, spec: dict[str, Any]) -> None:
    assert beam_arguments(spec, step) == ["--project=wine-local", "--temp_location=gs://wine-bucket/tmp"]


def test_the_trainer_asks_for_a_custom_job_with_its_machine_and_accelerator(spec: dict[str, Any]) -> None:
    config = custom_config(spec)

    executor = container(spec, "Trainer")["args"][1]
    assert executor == "tfx.extensions.google_cloud_ai_platform.trainer.executor.GenericExecutor"
    assert config["ai_platform_enable_vertex"] is True
    assert config["ai_platform_vertex_region"] == "europe-west1"
    job = config[TRAINING_ARGS_KEY]
    assert (job["project"], job["display_name"]) == ("wine-local", "wine-white")
    (pool,) = job["job_spec"]["worker_pool_specs"]
    assert pool["machine_spec"] == {
        "machine_type": "n1-standard-16",
        "accelerator_type": "NVIDIA_TESLA_T4",
        "accelerator_count": 2,
    }
    assert pool["container_spec"]["image_uri"] == "registry/wine-gpu:1"
    assert job["job_spec"]["service_account"] == ACCOUNT


class _UnconnectedClient(VertexJobClient):
    """Builds jobs as in the Trainer's task; opens no connection."""

    def create_client(self) -> None:
        pass


def test_vertex_accepts_the_form_of_the_job_that_tfx_makes_of_it(spec: dict[str, Any]) -> None:
    job = custom_config(spec)[TRAINING_ARGS_KEY]
    del job["project"]

    made = _UnconnectedClient("europe-west1").create_training_job(
        {}, {}, {}, "tfx.components.trainer.executor.GenericExecutor", job, None, None
    )

    message = CustomJob(made)
    (pool,) = message.job_spec.worker_pool_specs
    assert message.display_name == "wine-white"
    assert message.labels["wine"] == "white"
    assert message.job_spec.service_account == ACCOUNT
    assert pool.machine_spec.machine_type == "n1-standard-16"
    assert pool.machine_spec.accelerator_type == AcceleratorType.NVIDIA_TESLA_T4
    assert (pool.machine_spec.accelerator_count, pool.replica_count) == (2, 1)
    assert pool.container_spec.command[:3] == ["python", "-m", "tfx.scripts.run_executor"]


def test_the_training_settings_reach_run_fn_beside_those_of_the_job(spec: dict[str, Any]) -> None:
    assert TrainingConfig.from_custom_config(custom_config(spec)) == WineConfig("white").training


def test_dataflow_alone_leaves_the_training_in_its_task() -> None:
    spec = spec_of(Scale(dataflow=DataflowConfig()))

    assert "--runner=DataflowRunner" in container(spec, "Transform")["args"]
    assert not any("subnetwork" in argument for argument in container(spec, "Transform")["args"])
    assert container(spec, "Trainer")["args"][1] == "tfx.components.trainer.executor.GenericExecutor"
    assert not any(name.startswith("ai_platform") for name in custom_config(spec))


def test_a_custom_job_alone_runs_in_the_tasks_image_and_leaves_beam_in_its_tasks() -> None:
    spec = spec_of(Scale(training=TrainingJobConfig("n1-highmem-8")))

    assert not any(
        "Dataflow" in argument for step in BEAM_STEPS for argument in container(spec, step)["args"]
    )
    (pool,) = custom_config(spec)[TRAINING_ARGS_KEY]["job_spec"]["worker_pool_specs"]
    assert pool == {
        "machine_spec": {"machine_type": "n1-highmem-8"},
        "replica_count": 1,
        "container_spec": {"image_uri": "registry/wine:1"},
    }


def test_the_command_of_the_job_trains(
    spec: dict[str, Any], artifacts: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = custom_config(spec)
    job = config[TRAINING_ARGS_KEY]
    made = _UnconnectedClient("europe-west1").create_training_job(
        stages.training_inputs(artifacts.transformed, artifacts.transform_graph),
        stages.training_outputs(tmp_path),
        stages.training_properties(config),
        "tfx.components.trainer.executor.GenericExecutor",
        {name: value for name, value in job.items() if name != "project"},
        None,
        None,
    )
    (pool,) = made["job_spec"]["worker_pool_specs"]
    program, option, module, *arguments = pool["container_spec"]["command"]
    assert (program, option) == ("python", "-m")

    # as `python -m` does, in a process that has imported TFX
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__", alter_sys=True)

    assert not ended.value.code
    assert (tmp_path / "Format-Serving" / "saved_model.pb").is_file()
