from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from vertex_mlops.contract.data_contract import DataContract
from wine_pipeline.commands.compile import compile_pipeline, write_compiled
from wine_pipeline.config import ConfigError, EvaluationConfig, ServingConfig, Target, WineConfig
from wine_pipeline.scale import Scale
from wine_pipeline.vertex.serving import build_container_spec, build_serving_spec

from dev.faults.replay import renamed

TARGET = Target("wine-local", "europe-west1", "wine-bucket", image="registry/wine:1")


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    return compile_pipeline(WineConfig("white"), TARGET, Scale())


@pytest.fixture(scope="module")
def tasks(job: dict[str, Any]) -> dict[str, Any]:
    return job["pipelineSpec"]["root"]["dag"]["tasks"]


def constant(task: dict[str, Any], parameter: str) -> Any:
    return json.loads(task["inputs"]["parameters"][parameter]["runtimeValue"]["constant"])


def test_the_tasks_go_from_bigquery_to_the_blessed_model(tasks: dict[str, Any]) -> None:
    assert set(tasks) == {
        "BigQueryExampleGen",
        "StatisticsGen",
        "SchemaGen",
        "ExampleValidator",
        "Transform",
        "Trainer",
        "latest_blessed_model_resolver-model-blessing-resolver",
        "latest_blessed_model_resolver-model-resolver",
        "BaselineModel",
        "Evaluator",
        "MetricsReporter",
        "ModelCard",
    }


def test_the_pipelines_of_both_wines_differ_in_the_name_of_the_wine_alone(job: dict[str, Any]) -> None:
    assert renamed(job, "wine-red") == compile_pipeline(WineConfig("red"), TARGET, Scale())


def test_the_query_is_the_only_parameter(job: dict[str, Any], tasks: dict[str, Any]) -> None:
    spec = job["pipelineSpec"]

    assert spec["schemaVersion"] == "2.1.0"
    assert spec["root"]["inputDefinitions"]["parameters"] == {"input_config": {"parameterType": "STRING"}}
    taken = {
        (task, name)
        for task, definition in tasks.items()
        for name, value in definition.get("inputs", {}).get("parameters", {}).items()
        if "componentInputParameter" in value
    }
    assert taken == {("BigQueryExampleGen", "input_config"), ("ModelCard", "input_config")}


def test_the_parameter_holds_the_query_as_one_split() -> None:
    assert json.loads(DataContract.input_config("SELECT 1")) == {
        "splits": [{"name": "single_split", "pattern": "SELECT 1"}]
    }


def test_the_rows_are_split_four_to_one_by_their_hash(tasks: dict[str, Any]) -> None:
    splits = constant(tasks["BigQueryExampleGen"], "output_config")["split_config"]["splits"]

    assert splits == [{"name": "train", "hash_buckets": 4}, {"name": "eval", "hash_buckets": 1}]


def test_no_task_takes_a_result_from_the_cache(tasks: dict[str, Any]) -> None:
    assert not any(task.get("cachingOptions", {}).get("enableCache") for task in tasks.values())


def test_training_waits_until_the_examples_are_found_valid_and_scaling_does_not(
    tasks: dict[str, Any],
) -> None:
    assert "ExampleValidator" in tasks["Trainer"]["dependentTasks"]
    assert set(tasks["Transform"]["dependentTasks"]) == {"BigQueryExampleGen", "SchemaGen"}


def test_own_code_goes_by_its_import_path(tasks: dict[str, Any]) -> None:
    transform, trainer = tasks["Transform"]["inputs"]["parameters"], tasks["Trainer"]["inputs"]["parameters"]

    assert transform["preprocessing_fn"]["runtimeValue"]["constant"] == (
        "wine_pipeline.learner.preprocessing.preprocessing_fn"
    )
    assert trainer["run_fn"]["runtimeValue"]["constant"] == "wine_pipeline.learner.trainer.run_fn"
    assert "module_file" not in transform | trainer


def test_every_task_runs_in_the_image_and_keeps_beams_files_in_the_bucket(job: dict[str, Any]) -> None:
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"].values()
    containers = [executor["container"] for executor in executors if "container" in executor]

    assert len(containers) == 10
    for container in containers:
        assert container["image"] == "registry/wine:1"
        assert container["command"][:2] == ["python", "-m"]
        assert "--project=wine-local" in container["args"]
        assert "--temp_location=gs://wine-bucket/tmp" in container["args"]


def test_beam_runs_in_the_process_of_its_task(job: dict[str, Any]) -> None:
    runners = {
        name.removesuffix("_executor"): argument
        for name, executor in job["pipelineSpec"]["deploymentSpec"]["executors"].items()
        for argument in executor.get("container", {}).get("args", [])
        if argument.startswith("--runner=")
    }

    assert set(runners) == {"BigQueryExampleGen", "StatisticsGen", "Transform", "Evaluator"}
    assert set(runners.values()) == {
        "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    }


def test_a_launch_without_a_dag_ends_with_a_pusher_to_the_wines_own_endpoint() -> None:
    job = compile_pipeline(WineConfig("white"), TARGET, Scale(), push=True)
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    pusher = constant(tasks["Pusher"], "custom_config")

    assert pusher["container_spec"] == job["serving"]["container_spec"]
    assert pusher["ai_platform_vertex_region"] == "europe-west1"
    assert pusher["ai_platform_serving_args"]["project_id"] == "wine-local"
    assert pusher["ai_platform_serving_args"]["endpoint_name"] == "wine-white"


def test_the_thresholds_come_from_the_config() -> None:
    config = WineConfig("white", evaluation=EvaluationConfig(min_auc=0.83, min_eval_rows=300))

    job = compile_pipeline(config, TARGET, Scale())

    assert job["dataContract"]["min_rows"] == 2000
    evaluator = job["pipelineSpec"]["root"]["dag"]["tasks"]["Evaluator"]
    metrics = constant(evaluator, "eval_config")["metrics_specs"][0]["metrics"]
    (auc,) = [metric for metric in metrics if metric["class_name"] == "AUC"]
    assert auc["threshold"]["value_threshold"]["lower_bound"] == 0.83
    assert constant(evaluator, "thresholds")["min_eval_rows"] == 300


def test_the_names_and_the_root_are_the_wines_own(job: dict[str, Any]) -> None:
    assert job["displayName"] == job["pipelineSpec"]["pipelineInfo"]["name"] == "wine-white"
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://wine-bucket/pipeline_root/wine-white"


def test_the_contract_lies_beside_the_spec(job: dict[str, Any]) -> None:
    assert set(job["dataContract"]) == {
        "query",
        "columns",
        "label",
        "min_rows",
        "min_label_values",
        "outputs",
        "sample_instance",
        "sample_example",
        "default_signature",
        "known_instances",
        "known_examples",
    }


def test_a_job_carries_in_its_spec_what_lies_beside_it(job: dict[str, Any], tasks: dict[str, Any]) -> None:
    carried = {
        name: json.loads(value["runtimeValue"]["constant"])
        for task in tasks.values()
        for name, value in task.get("inputs", {}).get("parameters", {}).items()
        if name in {"data_contract", "serving"}
    }

    assert carried == {"data_contract": job["dataContract"], "serving": job["serving"]}


def test_what_a_job_carries_is_small_enough_to_be_recorded_with_its_tasks(tasks: dict[str, Any]) -> None:
    """
    Check the limit of an Execution's metadata, which hold a task's parameters: "should not exceed 200KB".

    Source: ``metadata`` in
    https://github.com/googleapis/googleapis/blob/master/google/cloud/aiplatform/v1/execution.proto. The
    backend of Kubeflow Pipelines takes 10 000 characters for all parameters of a pipeline, Vertex AI says
    nothing: https://github.com/kubeflow/pipelines/issues/12510
    """
    sizes = [len(json.dumps(task.get("inputs", {}).get("parameters", {}))) for task in tasks.values()]

    assert max(sizes) < 10_000


def test_what_serves_the_model_lies_beside_the_spec(
    job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINE_GIT_REVISION", "0123abc")
    config = WineConfig("white", serving=ServingConfig(machine_type="n1-standard-4", max_replicas=3))

    serving = build_serving_spec(config, TARGET)

    assert set(job["serving"]) == serving.model_fields_set
    assert (serving.name, serving.git_revision) == ("wine-white", "0123abc")
    assert (serving.machine_type, serving.max_replicas) == ("n1-standard-4", 3)
    assert job["serving"]["container_spec"] == build_container_spec(config.serving, TARGET)


def test_a_revision_that_can_be_no_label_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINE_GIT_REVISION", "Release 1.0")

    with pytest.raises(ConfigError, match="WINE_GIT_REVISION"):
        build_serving_spec(WineConfig("white"), TARGET)


def test_the_revision_is_that_of_the_working_tree(
    job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WINE_GIT_REVISION", raising=False)
    git = ["git", "rev-parse", "HEAD"]
    head = subprocess.run(git, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)

    assert head.stdout.startswith(job["serving"]["git_revision"].removesuffix("-dirty"))


def test_compiling_twice_gives_the_same_bytes_in_any_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINE_GIT_REVISION", "0123abc")
    here, there = tmp_path / "here.json", tmp_path / "deep" / "there.json"
    write_compiled(WineConfig("white"), TARGET, Scale(), here)

    arguments = ["--wine", "white", "--output", str(there), "--project", "wine-local"]
    arguments += ["--region", "europe-west1", "--bucket", "wine-bucket", "--image", "registry/wine:1"]
    subprocess.run(
        [sys.executable, "-m", "wine_pipeline", "compile", *arguments],
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "7"},
        timeout=120,
    )

    assert here.read_bytes() == there.read_bytes()
