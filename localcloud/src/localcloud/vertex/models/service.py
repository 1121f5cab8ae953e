"""ModelService: models and their versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2  # type: ignore[import-untyped]

from localcloud.config import Settings
from localcloud.storage import ObjectStore
from localcloud.vertex.api.calls import Handler, now
from localcloud.vertex.endpoints.containers import SAVED_MODEL_FILES, check_uploaded, is_prebuilt
from localcloud.vertex.models.registry import DEFAULT_ALIAS, ModelRegistry, model_id
from localcloud.vertex.resources import masks
from localcloud.vertex.resources.filters import Queryable
from localcloud.vertex.resources.names import canonical, new_id
from localcloud.vertex.resources.operations import Kind, Operations
from localcloud.vertex.resources.query import select_for
from localcloud.vertex.resources.rules import check_display_name, check_labels, new_etag, refuse_set

_MODEL_ID = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}")
_ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]")
_RESOURCES: Any = [v1.Model.DeploymentResourcesType.DEDICATED_RESOURCES]
# what of it batch prediction serves here
_STORAGE_FORMATS = ["bigquery"]
_SHARED_UPDATABLE = ("display_name", "description", "labels")
_VERSION_UPDATABLE = ("version_description", "labels")

_MODELS = Queryable(
    v1.Model,
    ("display_name", "labels"),
    ("display_name", "create_time", "update_time"),
    # there are no base models here
    {"model": model_id, "base_model_name": lambda model: ""},
)
_VERSIONS = Queryable(v1.Model, ("labels",), ("create_time", "update_time"))


class ModelService:
    """
    Serve the model registry.

    Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.models

    :param settings: knows the project.
    :param registry: keeps the models.
    :param operations: runs what is long.
    :param objects: the buckets that model files lie in.
    """

    def __init__(
        self, settings: Settings, registry: ModelRegistry, operations: Operations, objects: ObjectStore
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._operations = operations
        self._objects = objects
        operations.serve(
            Kind(v1.UploadModelRequest, v1.UploadModelOperationMetadata, self._uploaded),
            Kind(v1.DeleteModelRequest, v1.DeleteOperationMetadata, self._deleted),
            Kind(v1.DeleteModelVersionRequest, v1.DeleteOperationMetadata, self._deleted_version),
        )

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers of ModelService."""
        return {
            "ModelService.UploadModel": self._upload,
            "ModelService.GetModel": self._get,
            "ModelService.ListModels": self._list,
            "ModelService.ListModelVersions": self._list_versions,
            "ModelService.UpdateModel": self._update,
            "ModelService.DeleteModel": self._delete,
            "ModelService.DeleteModelVersion": self._delete_version,
            "ModelService.MergeVersionAliases": self._merge_version_aliases,
        }

    def _upload(self, request: v1.UploadModelRequest) -> operations_pb2.Operation:
        model = request.model
        check_display_name(model.display_name, "model.display_name")
        check_labels(model.labels)
        refuse_set(model, "encryption_spec", "explanation_spec", "base_model_source")
        _check_aliases(model.version_aliases)
        model.name = self._name_for(request)
        self._registry.check(model.name, new=not request.parent_model)
        self._check_artifact(model)
        model.create_time = model.update_time = now()
        model.version_create_time = model.version_update_time = model.create_time
        model.etag = new_etag()
        model.supported_deployment_resources_types = _RESOURCES
        model.supported_input_storage_formats = _STORAGE_FORMATS
        model.supported_output_storage_formats = _STORAGE_FORMATS
        return self._operations.start(model.name, request)

    def _uploaded(self, request: v1.UploadModelRequest) -> v1.UploadModelResponse:
        stored = self._registry.add(request.model, new=not request.parent_model)
        return v1.UploadModelResponse(model=stored.name, model_version_id=stored.version_id)

    def _name_for(self, request: v1.UploadModelRequest) -> str:
        if request.parent_model:
            return canonical(request.parent_model, self._settings).partition("@")[0]
        wanted = request.model_id or new_id()
        if not _MODEL_ID.fullmatch(wanted):
            raise exceptions.InvalidArgument(f"Invalid model_id {wanted!r}.")
        return f"{request.parent}/models/{wanted}"

    def _check_artifact(self, model: v1.Model) -> None:
        check_uploaded(model.container_spec)
        if not model.artifact_uri.startswith("gs://"):
            raise exceptions.InvalidArgument(
                f"model.artifact_uri must be a gs:// folder, got {model.artifact_uri!r}."
            )
        folder = model.artifact_uri.rstrip("/")
        # which files a custom container reads is not known
        if is_prebuilt(model.container_spec.image_uri) and not any(
            self._objects.exists(f"{folder}/{file}") for file in SAVED_MODEL_FILES
        ):
            raise exceptions.FailedPrecondition(
                f"Model directory {folder} is expected to contain exactly one of:"
                f" [{', '.join(SAVED_MODEL_FILES)}]."
            )

    def _get(self, request: v1.GetModelRequest) -> v1.Model:
        return self._registry.resolve(request.name)

    def _list(self, request: v1.ListModelsRequest) -> v1.ListModelsResponse:
        page = select_for(request, self._registry.default_versions(request.parent), _MODELS)
        return v1.ListModelsResponse(models=page.items, next_page_token=page.next_page_token)

    def _list_versions(self, request: v1.ListModelVersionsRequest) -> v1.ListModelVersionsResponse:
        page = select_for(request, self._registry.versions(request.name.partition("@")[0]), _VERSIONS)
        return v1.ListModelVersionsResponse(models=page.items, next_page_token=page.next_page_token)

    def _update(self, request: v1.UpdateModelRequest) -> v1.Model:
        _, _, version = request.model.name.partition("@")
        of_version = version not in ("", "-")
        updatable = _VERSION_UPDATABLE if of_version else _SHARED_UPDATABLE

        def change(model: v1.Model) -> None:
            masks.apply(model, request.model, request.update_mask.paths, updatable)
            check_labels(model.labels)
            if of_version:
                model.version_update_time = now()
            else:
                check_display_name(model.display_name, "model.display_name")
                model.update_time, model.etag = now(), new_etag()

        return self._registry.edit(request.model.name.removesuffix("@-"), change)

    def _delete(self, request: v1.DeleteModelRequest) -> operations_pb2.Operation:
        return self._operations.start(self._unused(request), request)

    def _deleted(self, request: v1.DeleteModelRequest) -> None:
        self._registry.delete(self._unused(request))

    def _unused(self, request: v1.DeleteModelRequest) -> str:
        """Return the name of a model whose versions are deployed nowhere."""
        name = request.name.partition("@")[0]
        for model in self._registry.versions(name):
            _check_not_deployed(model)
        return name

    def _delete_version(self, request: v1.DeleteModelVersionRequest) -> operations_pb2.Operation:
        if "@" not in request.name:
            raise exceptions.InvalidArgument(f"Invalid name {request.name!r}: it names no version.")
        model = self._unused_version(request)
        # by then, an alias may name another version
        request.name = f"{model.name}@{model.version_id}"
        return self._operations.start(model.name, request)

    def _deleted_version(self, request: v1.DeleteModelVersionRequest) -> None:
        self._registry.delete_version(self._unused_version(request))

    def _unused_version(self, request: v1.DeleteModelVersionRequest) -> v1.Model:
        model = self._registry.resolve(request.name)
        _check_not_deployed(model)
        if DEFAULT_ALIAS in model.version_aliases:
            raise exceptions.FailedPrecondition(
                f"{model.name}@{model.version_id} is the default version and cannot be deleted."
            )
        return model

    def _merge_version_aliases(self, request: v1.MergeVersionAliasesRequest) -> v1.Model:
        removed = {alias[1:] for alias in request.version_aliases if alias.startswith("-")}
        added = [alias for alias in request.version_aliases if not alias.startswith("-")]
        _check_aliases([*added, *removed])
        if DEFAULT_ALIAS in removed:
            raise exceptions.InvalidArgument("The default alias cannot be removed, only moved.")
        with self._registry.transaction():
            model = self._registry.resolve(request.name)
            kept = [alias for alias in model.version_aliases if alias not in {*removed, *added}]
            self._registry.set_aliases(model, [*kept, *(alias for alias in added if alias not in removed)])
        return self._registry.resolve(f"{model.name}@{model.version_id}")


def _check_aliases(aliases: Iterable[str]) -> None:
    for alias in aliases:
        if not _ALIAS.fullmatch(alias):
            raise exceptions.InvalidArgument(f"Invalid version alias {alias!r}.")


def _check_not_deployed(model: v1.Model) -> None:
    if model.deployed_models:
        places = ", ".join(f"{ref.endpoint} ({ref.deployed_model_id})" for ref in model.deployed_models)
        raise exceptions.FailedPrecondition(
            f"Model {model.name}@{model.version_id} is deployed to {places}: undeploy it first."
        )
