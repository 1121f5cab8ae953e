"""A pipeline that TFX compiled, run by the whole stack."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from google.cloud import aiplatform_v1 as v1
from google.cloud import storage
from google.protobuf import json_format
from tests.vertex.pipelines.jobs import LOCATION, states, task_of

from localcloud.testing import eventually
from localcloud.vertex.pipelines.record import TERMINAL_STATES

_COMPILE = """
import sys
from tfx import v1 as tfx

_, data, module, bucket, folder = sys.argv
examples = tfx.components.CsvExampleGen(input_base=data)
statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
schema = tfx.components.SchemaGen(statistics=statistics.outputs["statistics"])
trainer = tfx.components.Trainer(
    # TFX packs it into a wheel, which the task installs with pip
    module_file=module,
    examples=examples.outputs["examples"],
    schema=schema.outputs["schema"],
    train_args=tfx.proto.TrainArgs(num_steps=1),
    eval_args=tfx.proto.EvalArgs(num_steps=1),
)
pipeline = tfx.dsl.Pipeline(
    pipeline_name="csv",
    pipeline_root=f"gs://{bucket}/root",
    components=[examples, statistics, schema, trainer],
    enable_cache=True,
    # with an image named, TFX does not pack itself up for Beam's workers
    beam_pipeline_args=["--runner=DirectRunner", "--direct_num_workers=1", "--sdk_container_image=image"],
)
kubeflow = tfx.orchestration.experimental
config = kubeflow.KubeflowV2DagRunnerConfig(default_image="image", use_pipeline_spec_2_1=True)
kubeflow.KubeflowV2DagRunner(config=config, output_dir=folder, output_filename="csv.json").run(pipeline)
"""

_MODULE = """
from tfx.dsl.io import fileio


def run_fn(fn_args):
    fileio.makedirs(fn_args.serving_model_dir)
    with fileio.open(f"{fn_args.serving_model_dir}/model.txt", "w") as file:
        file.write("learned")
"""


@pytest.fixture(scope="module")
def compiled(cloud, pipeline_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Compile a pipeline over a bucket and a CSV file of its own."""
    folder = tmp_path_factory.mktemp("csv")
    bucket = storage.Client().create_bucket(f"csv-{uuid.uuid4().hex}")
    rows = "".join(f"{number},{number * 0.5}\n" for number in range(60))
    bucket.blob("data/rows.csv").upload_from_string(f"whole,half\n{rows}")
    program = folder / "compile_csv.py"
    program.write_text(_COMPILE)
    module = folder / "learner.py"
    module.write_text(_MODULE)
    command = [pipeline_python, program, f"gs://{bucket.name}/data", module, bucket.name, folder]
    subprocess.run(command, check=True, capture_output=True)
    return json.loads((folder / "csv.json").read_text())


def run(compiled: dict[str, Any]) -> v1.PipelineJob:
    job = v1.PipelineJob(json_format.ParseDict(compiled, v1.PipelineJob.pb(v1.PipelineJob())))
    client = v1.PipelineServiceClient(
        client_options={"api_endpoint": "europe-west1-aiplatform.googleapis.com"}
    )
    name = client.create_pipeline_job(parent=LOCATION, pipeline_job=job).name
    job = eventually(lambda: client.get_pipeline_job(name=name), lambda job: job.state in TERMINAL_STATES)
    assert job.state == v1.PipelineState.PIPELINE_STATE_SUCCEEDED, job.error.message
    return job


def test_tfx_learns_from_a_file_by_a_module_of_the_user_and_does_not_learn_twice(compiled):
    first = run(compiled)

    schema = task_of(first, "SchemaGen").outputs["schema"].artifacts[0]
    bucket, _, folder = schema.uri.removeprefix("gs://").partition("/")
    text = storage.Client().bucket(bucket).blob(f"{folder}/schema.pbtxt").download_as_text()
    assert set(states(first).values()) == {"SUCCEEDED"}
    assert schema.schema_title == "tfx.Schema"
    assert 'name: "whole"' in text
    assert 'name: "half"' in text

    model = task_of(first, "Trainer").outputs["model"].artifacts[0]
    _, _, folder = model.uri.removeprefix("gs://").partition("/")
    assert storage.Client().bucket(bucket).blob(f"{folder}/Format-Serving/model.txt").exists()

    second = run(compiled)

    assert set(states(second).values()) == {"SKIPPED"}
    assert task_of(second, "SchemaGen").outputs["schema"].artifacts == [schema]
