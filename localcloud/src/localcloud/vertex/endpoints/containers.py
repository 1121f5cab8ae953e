"""The serving containers: which are supported, and which folder each would load."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.errors import ApiError
from localcloud.storage import ObjectStore
from localcloud.vertex.api.calls import unimplemented
from localcloud.vertex.resources.rules import refuse_set
from localcloud.vertex.worker.errors import ReplicaFailedError

TENSORFLOW_SERVING = "/usr/bin/tensorflow_model_server"
SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")

# https://cloud.google.com/vertex-ai/docs/predictions/pre-built-containers: no other tag is supported
_PREBUILT = re.compile(
    r"((us|europe|asia)-docker\.pkg\.dev/vertex-ai|(us\.|eu\.|asia\.)?gcr\.io/cloud-aiplatform)"
    r"/prediction/tf2-cpu\.[\w.-]+:latest"
)
# https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements#publishing
_REGISTRY = re.compile(r"([a-z0-9-]+-docker\.pkg\.dev|([a-z]+\.)?gcr\.io)/.+")
_DEFAULT_PORT = 8080
_NOT_SERVED = (
    "env",
    "grpc_ports",
    "invoke_route_prefix",
    "deployment_timeout",
    "shared_memory_size_mb",
    "startup_probe",
    "health_probe",
    "liveness_probe",
)
# tensorflow_serving/model_servers/main.cc: the flags that decide what is served and where, with defaults
_NUMBERS = {"port": "8500", "rest_api_port": "0", "file_system_poll_wait_seconds": "1"}
_TEXTS = {"model_name": "default", "model_base_path": ""}
# flags that only change speed or memory
_WITHOUT_EFFECT = {
    "enable_model_warmup",
    "flush_filesystem_caches",
    "grpc_max_threads",
    "load_retry_interval_micros",
    "max_num_load_retries",
    "num_load_threads",
    "num_request_iterations_for_warmup",
    "remove_unused_fields_from_bundle_metagraph",
    "rest_api_num_threads",
    "rest_api_timeout_in_ms",
    "tensorflow_inter_op_parallelism",
    "tensorflow_intra_op_parallelism",
    "tensorflow_session_parallelism",
}
_FLAGS_NOT_SERVED = {
    "allow_version_labels_for_unavailable_models",
    "batching_parameters_file",
    "enable_batching",
    "enable_per_model_batching_parameters",
    "enable_signature_method_name_check",
    "grpc_channel_arguments",
    "grpc_socket_path",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "monitoring_config_file",
    "per_process_gpu_memory_fraction",
    "platform_config_file",
    "saved_model_tags",
    "ssl_config_file",
    "use_tflite_model",
    "version",
}
_NUMBER = re.compile(r"-?\d+")
# $$(NAME) stands for itself
_REFERENCE = re.compile(r"(\$?)(\$\((\w+)\))")


@dataclass(frozen=True)
class _Flags:
    """The flags of a tensorflow_model_server that decide what it serves, and where."""

    port: int
    rest_api_port: int
    file_system_poll_wait_seconds: int
    model_name: str
    model_base_path: str


def is_prebuilt(image_uri: str) -> bool:
    """Return whether an image is Google's container for TensorFlow 2 on CPU."""
    return _PREBUILT.fullmatch(image_uri) is not None


def check_uploaded(spec: v1.ModelContainerSpec) -> None:
    """
    Check a container as UploadModel does.

    Source: the docstrings of ModelContainerSpec and Port.

    :raises google.api_core.exceptions.InvalidArgument: no image, one from elsewhere, or a bad port.
    """
    if not spec.image_uri:
        raise exceptions.InvalidArgument("model.container_spec.image_uri is required.")
    if not _REGISTRY.fullmatch(spec.image_uri):
        raise exceptions.InvalidArgument(
            "model.container_spec.image_uri must identify an image in Artifact Registry,"
            f" got {spec.image_uri!r}."
        )
    for port in spec.ports:
        if not 1 <= port.container_port <= 65535:
            raise exceptions.InvalidArgument(
                f"model.container_spec.ports: {port.container_port} is not between 1 and 65535."
            )


def check_served(spec: v1.ModelContainerSpec) -> None:
    """
    Reject a container that localcloud does not emulate.

    :raises google.api_core.exceptions.MethodNotImplemented: neither Google's prebuilt container as it is, nor
        TensorFlow Serving by its command; the message names what it is.
    """
    refuse_set(spec, *_NOT_SERVED)
    if is_prebuilt(spec.image_uri):
        refuse_set(spec, "command", "args", "ports", "predict_route", "health_route")
    elif not spec.command:
        raise unimplemented(f"container image {spec.image_uri} without the command {TENSORFLOW_SERVING}")
    elif spec.command[0] != TENSORFLOW_SERVING:
        raise unimplemented(f"container command {spec.command[0]} of {spec.image_uri}")
    else:
        for argument in (*spec.command[1:], *spec.args):
            if (name := _name_of(argument)) in _FLAGS_NOT_SERVED:
                raise unimplemented(f"flag --{name} of {TENSORFLOW_SERVING}")


def served_folder(model: v1.Model, objects: ObjectStore) -> str:
    """
    Return the folder of the SavedModel that the container of a model would load.

    Sources: tensorflow_serving/model_servers/main.cc and server.cc (the flags),
    tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc (the versions),
    https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements (the checks).

    :param model: its container is one that :func:`check_served` lets pass.
    :param objects: the buckets.
    :return: ``gs://`` address.
    :raises ReplicaFailedError: the server would exit, or never pass its health check; with its own message.
    """
    spec = model.container_spec
    if is_prebuilt(spec.image_uri):
        return model.artifact_uri.rstrip("/")
    variables = {
        "AIP_STORAGE_URI": model.artifact_uri.rstrip("/"),
        "AIP_HTTP_PORT": str(_port_of(spec)),
        "AIP_PREDICT_ROUTE": spec.predict_route,
        "AIP_HEALTH_ROUTE": spec.health_route,
    }
    flags = _read_flags(_expand(argument, variables) for argument in (*spec.command[1:], *spec.args))
    _check_address(spec, flags)
    return _newest_version(flags, objects)


def _port_of(spec: v1.ModelContainerSpec) -> int:
    # Vertex AI only uses the first port
    return int(spec.ports[0].container_port) if spec.ports else _DEFAULT_PORT


def _expand(argument: str, variables: Mapping[str, str]) -> str:
    for escaped, reference, name in _REFERENCE.findall(argument):
        if escaped or name not in variables:
            raise ReplicaFailedError(f"{argument}: of $(NAME) only these are known: {', '.join(variables)}")
        argument = argument.replace(reference, variables[name])
    return argument


def _name_of(argument: str) -> str:
    return argument.removeprefix("--").partition("=")[0] if argument.startswith("--") else ""


def _read_flags(arguments: Iterable[str]) -> _Flags:
    values = {**_NUMBERS, **_TEXTS}
    for argument in arguments:
        name, value = _name_of(argument), argument.partition("=")[2]
        if name in _NUMBERS and not _NUMBER.fullmatch(value):
            raise ReplicaFailedError(f"Couldn't interpret value {value} for flag {name}.")
        if name in values:
            values[name] = value
        elif name not in _WITHOUT_EFFECT:
            raise ReplicaFailedError(f"unknown argument: {argument}")
    return _Flags(
        port=int(values["port"]),
        rest_api_port=int(values["rest_api_port"]),
        file_system_poll_wait_seconds=int(values["file_system_poll_wait_seconds"]),
        model_name=values["model_name"],
        model_base_path=values["model_base_path"],
    )


def _check_address(spec: v1.ModelContainerSpec, flags: _Flags) -> None:
    if not flags.model_base_path:
        raise ReplicaFailedError(
            "Both server_options.model_base_path and server_options.model_config_file are empty!"
        )
    if flags.rest_api_port == flags.port:
        raise ReplicaFailedError("--rest_api_port cannot be the same as --port: no HTTP/REST API is exported")
    if flags.rest_api_port != _port_of(spec):
        raise ReplicaFailedError(
            f"nothing listens on port {_port_of(spec)}, the container's first:"
            f" --rest_api_port={flags.rest_api_port}"
        )
    route = f"/v1/models/{flags.model_name}"
    for field, wanted in (("health_route", route), ("predict_route", f"{route}:predict")):
        if (given := getattr(spec, field)) != wanted:
            raise ReplicaFailedError(
                f"Malformed request: {given or f'no {field}'};"
                f" the model {flags.model_name} answers on {wanted}"
            )


def _newest_version(flags: _Flags, objects: ObjectStore) -> str:
    base = flags.model_base_path.rstrip("/")
    try:
        files = objects.list(f"{base}/")
    except ApiError:
        files = []
    if not files:
        raise ReplicaFailedError(f"Could not find base path {base} for servable {flags.model_name}")
    children = {file.removeprefix(f"{base}/").partition("/")[0] for file in files}
    versions = [child for child in children if _NUMBER.fullmatch(child)]
    if not versions or flags.file_system_poll_wait_seconds < 0:
        raise ReplicaFailedError(
            f"No versions of servable {flags.model_name} found under base path {base}."
            " Did you forget to name your leaf directory as a number (eg. '/1/')?"
        )
    return f"{base}/{max(versions, key=int)}"
