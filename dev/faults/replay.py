"""
A pipeline whose tasks report earlier results instead of computing them.

Another training takes most of a minute and is not needed to test the later tasks.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.cloud.aiplatform_v1.types import PipelineJob
from google.protobuf import json_format

# URI and metadata of an artifact, by task and output
Made = dict[str, dict[str, dict[str, Any]]]

# waits for the gate file, to simulate a long training
LONG_TASK = "Trainer"

# timeit is the module of the standard library that runs the statements it is given; the ExecutorInput is
# JSON, which is Python except for three words
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
_NO_GATE = Path("/")
# property of the artifact of MetricsReporter
_COMPARED = "champion_version"


def made_by(job: PipelineJob) -> Made:
    """
    Return the outputs of the tasks of a job.

    :param job: succeeded.
    """
    return {
        task.task_name: {
            output: {"uri": artifact.uri, "metadata": _metadata(artifact)}
            for output, found in task.outputs.items()
            for artifact in found.artifacts
        }
        for task in job.job_detail.task_details
    }


def replay(spec: Mapping[str, Any], made: Made, gate: Path = _NO_GATE) -> dict[str, Any]:
    """
    Return a compiled pipeline with the graph, the parameters and the contract of another.

    Its verdict names no champion, since the champion may have changed when it is replayed.

    :param spec: compiled pipeline, as :func:`dev.demo.publish.read_spec` gives it.
    :param made: what its tasks report; a task that is not in it runs as it was compiled.
    :param gate: while this file is missing, the task that trains does not end.
    """
    compiled = copy.deepcopy(dict(spec))
    pipeline = compiled["pipelineSpec"]
    executors = pipeline["deploymentSpec"]["executors"]
    for name, task in pipeline["root"]["dag"]["tasks"].items():
        component = pipeline["components"][task["componentRef"]["name"]]
        executor = executors[component["executorLabel"]]
        if "container" in executor and name in made:
            gate_of_task = gate if name == LONG_TASK else _NO_GATE
            image = executor["container"]["image"]
            executor["container"] = {
                "image": image,
                "command": _COMMAND,
                "args": _statements(made[name], gate_of_task),
            }
    return compiled


def renamed(spec: Mapping[str, Any], name: str) -> dict[str, Any]:
    """
    Return the compiled pipeline of another wine: all wines have the same graph and the same contract.

    :param spec: compiled pipeline of a wine.
    :param name: of the other pipeline, ``wine-red``.
    """
    return dict(json.loads(json.dumps(spec).replace(spec["serving"]["name"], name)))


def _metadata(artifact: Any) -> dict[str, Any]:
    return json_format.MessageToDict(type(artifact).pb(artifact).metadata)


def _statements(made: Mapping[str, Any], gate: Path) -> list[str]:
    made = {
        output: artifact
        | {"metadata": {key: value for key, value in artifact["metadata"].items() if key != _COMPARED}}
        for output, artifact in made.items()
    }
    report = [line.replace("GATE", repr(str(gate))).replace("MADE", repr(made)) for line in _REPORT]
    return [*_READ_INPUT, *report]
