"""Artifacts of one pipeline, its contexts, and its cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from google.cloud.aiplatform_v1.types import Artifact, Context
from google.protobuf import struct_pb2, wrappers_pb2

from localcloud.vertex.api.calls import now
from localcloud.vertex.resources.names import id_of, new_id
from localcloud.vertex.resources.store import ResourceStore

Outputs = dict[str, Artifact]

# the client library gives its enums no types
_State: Any = Artifact.State


class Lineage:
    """
    Artifacts as Vertex ML Metadata keeps them, as one pipeline sees them: only those of its own runs.

    Vertex runs the resolver queries of TFX within the context of the pipeline's name, and reuses cached
    results among runs of that name only; localcloud does the same.

    :param store: keeps artifacts, contexts and cache.
    :param location: ``projects/NUMBER/locations/REGION``.
    :param pipeline: name of the pipeline.
    """

    def __init__(self, store: ResourceStore, location: str, pipeline: str) -> None:
        self._store = store
        self._metadata_store = f"{location}/metadataStores/default"
        self._context = f"{self._metadata_store}/contexts/{pipeline}"

    def pipeline_context(self) -> Context:
        """Return the context that the pipeline's runs share."""
        return self._context_of(self._context, "system.Pipeline")

    def run_context(self, job_id: str) -> Context:
        """
        Return the context of one run.

        :param job_id: id of the pipeline job.
        """
        name = f"{self._metadata_store}/contexts/{job_id}"
        return self._context_of(name, "system.PipelineRun", parent_contexts=[self._context])

    def new_artifact(self, key: str, schema_title: str, uri: str) -> Artifact:
        """
        Describe an artifact that a task will make; it is not stored yet.

        :param key: name of the task's output.
        :param schema_title: its type.
        :param uri: where its content goes.
        """
        return Artifact(
            name=f"{self._metadata_store}/artifacts/{new_id()}",
            display_name=key,
            uri=uri,
            schema_title=schema_title,
            schema_version="0.0.1",
            state=_State.PENDING,
            create_time=now(),
        )

    def new_execution_name(self) -> str:
        """Create the name of an execution."""
        return f"{self._metadata_store}/executions/{new_id()}"

    def publish(self, outputs: Outputs) -> None:
        """
        Keep the artifacts that a task has made.

        :param outputs: by output name; they become LIVE.
        """
        with self._store.transaction():
            for artifact in outputs.values():
                artifact.state = _State.LIVE
                artifact.update_time = now()
                self._store.put(artifact.name, artifact)
                member = wrappers_pb2.StringValue(value=artifact.name)
                self._store.put(f"{self._context}/artifacts/{id_of(artifact.name)}", member)

    def latest(self, test: Callable[[Artifact], bool]) -> Artifact | None:
        """
        Find the newest artifact of the pipeline that passes a test.

        :param test: the test.
        """
        members = self._store.list(f"{self._context}/artifacts", wrappers_pb2.StringValue)
        for member in reversed(members):
            if self._store.exists(member.value):
                artifact = self._store.get(member.value, Artifact)
                if test(artifact):
                    return artifact
        return None

    def cached(self, key: str) -> Outputs | None:
        """
        Return the outputs of an earlier execution with this key, if all of them are still LIVE.

        :param key: see :func:`cache_key`.
        """
        entry = f"{self._context}/cachedExecutions/{key}"
        if not self._store.exists(entry):
            return None
        fields = self._store.get(entry, struct_pb2.Struct).fields
        names = {output: value.string_value for output, value in fields.items()}
        if not all(self._store.exists(name) for name in names.values()):
            return None
        outputs = {output: self._store.get(name, Artifact) for output, name in names.items()}
        return outputs if all(one.state == _State.LIVE for one in outputs.values()) else None

    def remember(self, key: str, outputs: Outputs) -> None:
        """
        Store these outputs for later executions with the same key.

        :param key: see :func:`cache_key`.
        :param outputs: published artifacts.
        """
        entry = struct_pb2.Struct()
        entry.update({output: artifact.name for output, artifact in outputs.items()})
        self._store.put(f"{self._context}/cachedExecutions/{key}", entry)

    def _context_of(self, name: str, schema_title: str, **fields: Any) -> Context:
        with self._store.transaction():
            if self._store.exists(name):
                return self._store.get(name, Context)
            context = Context(
                name=name,
                display_name=id_of(name),
                schema_title=schema_title,
                schema_version="0.0.1",
                create_time=now(),
                update_time=now(),
                **fields,
            )
            self._store.put(name, context)
            return context


def cache_key(
    container: Mapping[str, Any], parameters: Mapping[str, Any], inputs: Mapping[str, str], outputs: list[str]
) -> str:
    """
    Return the key under which Vertex would look for an earlier execution.

    Source: https://cloud.google.com/vertex-ai/docs/pipelines/configure-caching

    :param container: image, command, arguments and environment of the task.
    :param parameters: its input parameters.
    :param inputs: names of its input artifacts by key.
    :param outputs: names of its outputs.
    """
    parts = [container, parameters, inputs, sorted(outputs)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
