"""Probes of the model registry."""

from __future__ import annotations

from deploy.acceptance.bench import REQUEST_SECONDS, Bench
from deploy.acceptance.probes import NotHeldError, Probe, hold


def _upload(bench: Bench) -> str:
    model = bench.project.models.get_model(name=bench.model, timeout=REQUEST_SECONDS)
    hold(model.version_id == "1", f"its first version is {model.version_id!r}")
    return f"version 1, served by {bench.project.deployed.server}"


def _operations(bench: Bench) -> str:
    from google.cloud.aiplatform_v1.types import UploadModelOperationMetadata

    kind = UploadModelOperationMetadata.pb().DESCRIPTOR.full_name
    answer = bench.project.models.list_operations(
        {"name": bench.model, "page_size": 100}, timeout=REQUEST_SECONDS
    )
    kinds = [operation.metadata.TypeName() for operation in answer.operations]
    hold(kind in kinds, f"the operations of {bench.model} are {kinds}")
    return "the upload is among the operations of the model, with its metadata"


def _versions(bench: Bench) -> str:
    name = bench.second_version
    found = bench.project.models.list_model_versions(name=bench.model, timeout=REQUEST_SECONDS)
    descriptions = {model.version_id: model.version_description for model in found}
    second = name.rpartition("@")[2]
    hold(descriptions == {"1": "first", second: "second"}, f"version_description: {descriptions}")
    return f"versions 1 and {second}, each with the description of its upload"


def _aliases(bench: Bench) -> str:
    models, names = bench.project.models, (f"{bench.model}@1", bench.second_version)
    for name, aliases in ((names[0], ["champion"]), (names[0], ["previous"]), (names[1], ["champion"])):
        models.merge_version_aliases(name=name, version_aliases=aliases, timeout=REQUEST_SECONDS)
    found = {
        alias: models.get_model(name=f"{bench.model}@{alias}", timeout=REQUEST_SECONDS).version_id
        for alias in ("champion", "previous")
    }
    wanted = {"champion": names[1].rpartition("@")[2], "previous": "1"}
    hold(found == wanted, f"the aliases point to {found}")
    return "an alias moves from version to version, and get_model finds the version by it"


def _labels(bench: Bench) -> str:
    models, names = bench.project.models, (f"{bench.model}@1", bench.second_version)
    for number, name in enumerate(names):
        labels = {**bench.labels, "number": str(number)}
        request = {"model": {"name": name, "labels": labels}, "update_mask": {"paths": ["labels"]}}
        models.update_model(request=request, timeout=REQUEST_SECONDS)
    found = [models.get_model(name=name, timeout=REQUEST_SECONDS).labels.get("number") for name in names]
    hold(found == ["0", "1"], f"the label of the two versions is {found}")
    return "each version keeps its own labels"


def _no_version(bench: Bench) -> str:
    from google.api_core.exceptions import NotFound

    name = f"{bench.model}@no-such-alias"
    try:
        bench.project.models.get_model(name=name, timeout=REQUEST_SECONDS)
    except NotFound:
        return "NOT_FOUND"
    raise NotHeldError(f"{name} was found")


PROBES = (
    Probe("model-upload", "A model with a chosen id and the deployed container is accepted", _upload),
    Probe("upload-operation", "A model's operations show its upload", _operations),
    Probe("model-versions", "Each version keeps the description of its upload", _versions),
    Probe("version-aliases", "A version is found by its alias, and an alias moves", _aliases),
    Probe("version-labels", "Versions have their own labels, set after the upload", _labels),
    Probe("alias-missing", "An alias that no version has is NOT_FOUND", _no_version),
)
