"""Compiled pipelines of a few statements, for what an operator does around a pipeline."""

from __future__ import annotations

from typing import Any

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
    """Put tasks that need nothing of each other into one compiled pipeline file."""
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
        spec["root"]["dag"]["tasks"][name] = {"componentRef": {"name": name}, "taskInfo": {"name": name}}
        spec["components"][name] = {
            "executorLabel": name,
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
    """A task that runs statements and has no outputs."""
    return {"name": name, "statements": list(statements), "outputs": {}}


def producer(name: str, output: str, schema_title: str, **metadata: Any) -> dict[str, Any]:
    """A task with one output artifact."""
    statements = [*_READ_INPUT, *(line.replace("METADATA", repr(metadata)) for line in _WRITE_METADATA)]
    return {"name": name, "statements": statements, "outputs": {output: schema_title}}
