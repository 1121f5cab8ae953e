"""The component that deploys a model without Airflow, in whatever container the config names."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from google.cloud import aiplatform
from tfx import types
from tfx.components.pusher import executor
from tfx.dsl.components.base import executor_spec
from tfx.extensions.google_cloud_ai_platform import constants
from tfx.extensions.google_cloud_ai_platform.pusher import component
from tfx.types import artifact_utils
from tfx.utils import io_utils, json_utils

CONTAINER_SPEC = "container_spec"
"""Key of the ``custom_config``, in addition to TFX's own: the fields of a ModelContainerSpec."""

Artifacts = Mapping[str, list[types.Artifact]]


class Executor(executor.Executor):
    """
    Deploy a blessed model as TFX's executor for Vertex AI does, but with its whole container spec.

    TFX hands on the image's address alone, and TensorFlow Serving's image needs a command and a route.

    Source: deploy_model in tfx/extensions/google_cloud_ai_platform/prediction_clients.py
    """

    def Do(  # noqa: N802 (TFX's name)
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> None:
        """
        Copy the model, upload it as a Model of its own and give it all traffic of the endpoint.

        :param input_dict: ``model`` and ``model_blessing``.
        :param output_dict: ``pushed_model``; its ``pushed_destination`` is the Model's resource name.
        :param exec_properties: ``custom_config``, as JSON.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        io_utils.copy_dir(self.GetModelPath(input_dict), pushed.uri)
        config = json_utils.loads(exec_properties["custom_config"])
        serving = dict(config[constants.SERVING_ARGS_KEY])
        aiplatform.init(project=serving.pop("project_id"), location=config[constants.VERTEX_REGION_KEY])
        endpoint = _find_or_create_endpoint(serving.pop("endpoint_name"))
        model = _upload(pushed.uri, config[CONTAINER_SPEC])
        model.deploy(endpoint=endpoint, traffic_percentage=100, **serving)
        self._MarkPushed(pushed, pushed_destination=model.resource_name)


class Pusher(component.Pusher):
    """
    Deploy a blessed model to an endpoint of Vertex AI, with all traffic at once.

    Takes what TFX's Pusher for Vertex AI takes. Its ``custom_config`` has the region, the serving arguments
    and, in place of the image's address, :data:`CONTAINER_SPEC`.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)


def _find_or_create_endpoint(name: str) -> aiplatform.Endpoint:
    found = aiplatform.Endpoint.list(filter=f'display_name="{name}"')
    return found[0] if found else aiplatform.Endpoint.create(display_name=name)


def _upload(folder: str, container: Mapping[str, Any]) -> aiplatform.Model:
    ports = [port["container_port"] for port in container.get("ports", [])]
    return aiplatform.Model.upload(
        display_name=f"v{int(time.time())}",
        artifact_uri=folder,
        serving_container_image_uri=container["image_uri"],
        serving_container_command=container.get("command"),
        serving_container_args=container.get("args"),
        serving_container_ports=ports or None,
        serving_container_predict_route=container.get("predict_route"),
        serving_container_health_route=container.get("health_route"),
    )
