"""Compiled pipelines of a few statements, for what an operator does around a pipeline."""

from __future__ import annotations

import json
from typing import Any

from google.cloud import aiplatform_v1

NAME = "tiny"
IMAGE = "europe-docker.pkg.dev/wine/pipeline:test"

# timeit is the module of the standard library that runs the Python statements it is given; one of them
# may be the ExecutorInput, which is JSON
_READ_INPUT = ["true, false, null = True, False, None", "given = (", "{{$}}", ")"]
_WRITE_METADATA = [
    "import json, os",
    "outputs = given['outputs']",
    "written = {key: {'artifacts': [{**value['artifacts'][0], 'metadata': METADATA}]} "
    "for key, value in outputs['artifacts'].items()}",
    "os.makedirs(os.path.dirname(outputs['outputFile']), exist_ok=True)",
    "open(outputs['outputFile'], 'w').write(json.dumps({'artifacts': written}))",
]


def pipeline(*tasks: dict[str, Any]) -> dict[str, Any]:
    """Build a compiled pipeline file of independent tasks."""
    spec: dict[str, Any] = {
        "schemaVersion": "2.1.0",
        "sdkVersion": "tfx-1.21.0",
        "pipelineInfo": {"name": NAME},
        "root": {
            "dag": {"tasks": {}},
            "inputDefinitions": {"parameters": {"input_config": {"parameterType": "STRING"}}},
        },
        "components": {},
        "deploymentSpec": {"executors": {}},
    }
    for task in tasks:
        name = task["name"]
        constants = task.get("constants", {})
        spec["root"]["dag"]["tasks"][name] = {
            "componentRef": {"name": name},
            "taskInfo": {"name": name},
            "inputs": {
                "parameters": {key: {"runtimeValue": {"constant": text}} for key, text in constants.items()}
            },
        }
        spec["components"][name] = {
            "executorLabel": name,
            "inputDefinitions": {
                "parameters": {key: {"parameterType": "STRING"} for key in constants},
            },
            "outputDefinitions": {
                "artifacts": {
                    key: {"artifactType": {"schemaTitle": title}} for key, title in task["outputs"].items()
                }
            },
        }
        spec["deploymentSpec"]["executors"][name] = {
            "container": {
                "image": IMAGE,
                "command": ["python", "-m", "timeit", "-n", "1", "-r", "1"],
                "args": task["statements"],
            }
        }
    return {"displayName": NAME, "pipelineSpec": spec, "runtimeConfig": {}}


def step(name: str, *statements: str) -> dict[str, Any]:
    """Return a task that runs statements and has no outputs."""
    return {"name": name, "statements": list(statements), "outputs": {}}


def producer(name: str, output: str, schema_title: str, **metadata: Any) -> dict[str, Any]:
    """Return a task with one output artifact."""
    statements = [*_READ_INPUT, *(line.replace("METADATA", repr(metadata)) for line in _WRITE_METADATA)]
    return {"name": name, "statements": statements, "outputs": {output: schema_title}}


def carrier(**parts: Any) -> dict[str, Any]:
    """Return a task that does nothing, whose parameters hold parts of what the pipeline is compiled with."""
    return step("Carrier", "pass") | {"constants": {key: json.dumps(part) for key, part in parts.items()}}


def compiled(**parts: Any) -> dict[str, Any]:
    """
    Compile a pipeline of one task as the wines' are: each part is next to the spec and in it.

    :param parts: ``data_contract``, ``serving`` or both.
    """
    keys = {"data_contract": "dataContract", "serving": "serving"}
    return pipeline(carrier(**parts)) | {keys[name]: part for name, part in parts.items()}


def submit(place: dict[str, str], bucket: str, content: dict[str, Any], **labels: str) -> str:
    """
    Submit a compiled pipeline without a wait.

    :param place: project and region.
    :param bucket: of its artifacts.
    :param content: of the compiled file.
    :param labels: of the job.
    :return: resource name of the job.
    """
    options = {"api_endpoint": f"{place['region']}-aiplatform.googleapis.com"}
    client = aiplatform_v1.PipelineServiceClient(client_options=options)
    job = aiplatform_v1.PipelineJob(
        display_name=NAME,
        pipeline_spec=content["pipelineSpec"],
        runtime_config={
            "gcs_output_directory": f"gs://{bucket}/root",
            "parameter_values": {"input_config": "{}"},
        },
        labels=labels,
    )
    parent = client.common_location_path(place["project_id"], place["region"])
    return client.create_pipeline_job(parent=parent, pipeline_job=job).name
