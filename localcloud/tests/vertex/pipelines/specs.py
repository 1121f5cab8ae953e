"""Small compiled pipelines, written by hand in the format of TFX."""

from __future__ import annotations

from typing import Any

from google.cloud.aiplatform_v1.types import PipelineJob
from google.protobuf import json_format


class Pipeline:
    """
    A PipelineSpec that grows task by task.

    :param name: of the pipeline.
    :param parameters: type of each runtime parameter.
    """

    def __init__(self, name: str = "small", **parameters: str) -> None:
        self.components: dict[str, Any] = {}
        self.executors: dict[str, Any] = {}
        self.tasks: dict[str, Any] = {}
        root: dict[str, Any] = {"dag": {"tasks": self.tasks}}
        if parameters:
            definitions = {key: {"parameterType": type_} for key, type_ in parameters.items()}
            root["inputDefinitions"] = {"parameters": definitions}
        self.spec: dict[str, Any] = {
            "schemaVersion": "2.1.0",
            "pipelineInfo": {"name": name},
            "components": self.components,
            "deploymentSpec": {"executors": self.executors},
            "root": root,
        }

    def container(
        self,
        name: str,
        *,
        inputs: dict[str, str] | None = None,
        outputs: dict[str, str] | None = None,
        after: list[str] | None = None,
        hook: str = "",
        cached: bool = False,
        **parameters: str,
    ) -> Pipeline:
        """
        Add a task that runs the module ``produce``.

        :param name: of the task.
        :param inputs: ``task.output`` by input.
        :param outputs: schema title by output.
        :param after: tasks that it waits for without using their outputs.
        :param hook: module that runs before the cache is asked.
        :param cached: whether an earlier result may stand for it.
        :param parameters: constants, or ``$name`` for a runtime parameter.
        """
        container: dict[str, Any] = {
            "image": "image",
            "command": ["python", "-m", "produce"],
            "args": ["--input", "{{$}}"],
        }
        if hook:
            container["lifecycle"] = {"preCacheCheck": {"command": ["python", "-m", hook], "args": ["{{$}}"]}}
        self._add(name, {"container": container}, inputs or {}, outputs or {})
        task = self.tasks[name]
        task["dependentTasks"] = list(after or [])
        task["cachingOptions"] = {"enableCache": cached}
        task["inputs"]["parameters"] = {
            key: {"componentInputParameter": value[1:]}
            if value.startswith("$")
            else {"runtimeValue": {"constant": value}}
            for key, value in parameters.items()
        }
        return self

    def resolver(self, name: str, key: str, filter_: str, inputs: dict[str, str] | None = None) -> Pipeline:
        """
        Add a task that looks an artifact up.

        :param name: of the task.
        :param key: of its output.
        :param filter_: artifact query.
        :param inputs: ``task.output`` by input.
        """
        executor = {"resolver": {"outputArtifactQueries": {key: {"filter": filter_}}}}
        self._add(name, executor, inputs or {}, {key: "tfx.Model"})
        return self

    def job(self, bucket: str = "pipelines", **parameters: Any) -> PipelineJob:
        """
        Return a job that runs the pipeline.

        :param bucket: of its outputs.
        :param parameters: value of each runtime parameter.
        """
        config = {"gcsOutputDirectory": f"gs://{bucket}/root", "parameterValues": parameters}
        content = {"pipelineSpec": self.spec, "runtimeConfig": config}
        return PipelineJob(json_format.ParseDict(content, PipelineJob.pb(PipelineJob())))

    def _add(
        self, name: str, executor: dict[str, Any], inputs: dict[str, str], outputs: dict[str, str]
    ) -> None:
        self.executors[f"{name}_executor"] = executor
        self.components[name] = {
            "executorLabel": f"{name}_executor",
            "inputDefinitions": {"artifacts": {key: _type("tfx.Model") for key in inputs}},
            "outputDefinitions": {"artifacts": {key: _type(title) for key, title in outputs.items()}},
        }
        sources = {key: value.split(".") for key, value in inputs.items()}
        self.tasks[name] = {
            "componentRef": {"name": name},
            "inputs": {
                "artifacts": {
                    key: {"taskOutputArtifact": {"producerTask": task, "outputArtifactKey": output}}
                    for key, (task, output) in sources.items()
                }
            },
        }


def _type(title: str) -> dict[str, Any]:
    return {"artifactType": {"instanceSchema": f"title: {title}\ntype: object\n"}}
