"""What serves the model: the folder that is read, the container, and what the compiled file says of both."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from tfx.utils import io_utils
from vertex_mlops.contract.serving import ContainerSpec, ServingSpec

from wine_pipeline.config import PREBUILT_IMAGE, ServingConfig, Target, WineConfig, check_label

GIT_REVISION = "WINE_GIT_REVISION"
_UNKNOWN = "unknown"

_COMMAND = "/usr/bin/tensorflow_model_server"
_MODEL_NAME = "model"
# the port that Vertex AI asks unless the container names another
_PORT = 8080
_VERSION = "1"


def add_version_folder(saved_model: str) -> None:
    """
    Copy a SavedModel into a folder ``1`` of its own, so that any of the model servers can read it.

    TensorFlow Serving loads ``BASE_PATH/NUMBER/saved_model.pb``, a prebuilt container and TFX's components
    ``saved_model.pb`` itself; each ignores what is there for the other.

    Source: tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc.

    :param saved_model: folder that holds ``saved_model.pb``.
    """
    folder = f"{saved_model}/{_VERSION}"
    io_utils.copy_dir(saved_model, folder, deny_regex_patterns=[f"^{re.escape(folder)}(/|$)"])


def build_container_spec(config: ServingConfig, target: Target) -> dict[str, Any]:
    """
    Return the container that serves the model, as the fields of Vertex AI's ModelContainerSpec.

    Sources: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/ModelContainerSpec,
    https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements (the checks, and
    AIP_STORAGE_URI, Vertex AI's copy of the model's folder), tensorflow_serving/model_servers/main.cc (the
    flags).

    :param config: which container.
    :param target: where TensorFlow Serving's image is.
    """
    if config.prebuilt:
        return {"image_uri": PREBUILT_IMAGE}
    route = f"/v1/models/{_MODEL_NAME}"
    return {
        "image_uri": target.model_server_image,
        "command": [_COMMAND],
        "args": [
            f"--model_name={_MODEL_NAME}",
            "--model_base_path=$(AIP_STORAGE_URI)",
            f"--rest_api_port={_PORT}",
            # 0 looks once: a version never changes. A negative number would never look.
            "--file_system_poll_wait_seconds=0",
        ],
        "ports": [{"container_port": _PORT}],
        "predict_route": f"{route}:predict",
        "health_route": route,
    }


def build_serving_spec(config: WineConfig, target: Target) -> ServingSpec:
    """
    Return what the compiled file says about how the model is served.

    :param config: of the wine.
    :param target: where it is served.
    :raises ConfigError: if the revision that the environment gives is none.
    """
    serving = config.serving
    return ServingSpec(
        name=config.name,
        container_spec=ContainerSpec.model_validate(build_container_spec(serving, target)),
        machine_type=serving.machine_type,
        min_replicas=serving.min_replicas,
        max_replicas=serving.max_replicas,
        git_revision=git_revision(),
    )


def git_revision() -> str:
    """
    Return the revision of this code: what WINE_GIT_REVISION says, else what git says, else ``unknown``.

    With uncommitted changes git's ends with ``-dirty``.

    :raises ConfigError: if it cannot be a label.
    """
    return check_label(GIT_REVISION, os.environ.get(GIT_REVISION) or _ask_git() or _UNKNOWN)


def _ask_git() -> str:
    # in an image there is no git
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        answer = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()
