"""
A pipeline that replays a finished one: its tasks report what was made before.

Training once more takes most of a minute and tells nothing about faults of what surrounds it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.cloud.aiplatform_v1.types import PipelineJob
from google.protobuf import json_format

# waits for the gate, as a training takes its time
LONG_TASK = "Trainer"

# timeit is the module of the standard library that runs the statements it is given; the ExecutorInput is
# JSON, which but for three words is Python
_COMMAND = ["python", "-m", "timeit", "-n", "1", "-r", "1"]
_READ_INPUT = ["true, false, null = True, False, None", "given = (", "{{$}}", ")"]
_REPORT = [
    "import json, os, time",
    "while not os.path.exists(GATE): time.sleep(0.1)",
    "outputs = given['outputs']",
    "made = {key: {'artifacts': [{**value['artifacts'][0], **MADE[key]}]} "
    "for key, value in outputs['artifacts'].items()}",
    "os.makedirs(os.path.dirname(outputs['outputFile']), exist_ok=True)",
    "open(outputs['outputFile'], 'w').write(json.dumps({'artifacts': made}))",
]


def replay(spec: Mapping[str, Any], job: PipelineJob, gate: Path) -> dict[str, Any]:
    """
    Return a compiled pipeline with the graph, the parameters and the contract of another.

    :param spec: compiled pipeline, as :func:`dev.publish.read_spec` gives it.
    :param job: a job of it that succeeded; its artifacts are reported again.
    :param gate: while this file is missing, the task that trains does not end.
    """
    compiled = copy.deepcopy(dict(spec))
    pipeline = compiled["pipelineSpec"]
    executors = pipeline["deploymentSpec"]["executors"]
    made = _artifacts(job)
    for name, task in pipeline["root"]["dag"]["tasks"].items():
        component = pipeline["components"][task["componentRef"]["name"]]
        executor = executors[component["executorLabel"]]
        if "container" in executor:
            gate_of_task = gate if name == LONG_TASK else Path("/")
            image = executor["container"]["image"]
            executor["container"] = {
                "image": image,
                "command": _COMMAND,
                "args": _statements(made[name], gate_of_task),
            }
    return compiled


def _artifacts(job: PipelineJob) -> dict[str, dict[str, dict[str, Any]]]:
    """Give URI and metadata of each artifact, by task and output."""
    return {
        task.task_name: {
            output: {"uri": artifact.uri, "metadata": _metadata(artifact)}
            for output, found in task.outputs.items()
            for artifact in found.artifacts
        }
        for task in job.job_detail.task_details
    }


def _metadata(artifact: Any) -> dict[str, Any]:
    return json_format.MessageToDict(type(artifact).pb(artifact).metadata)


def _statements(made: Mapping[str, Any], gate: Path) -> list[str]:
    report = [line.replace("GATE", repr(str(gate))).replace("MADE", repr(made)) for line in _REPORT]
    return [*_READ_INPUT, *report]
