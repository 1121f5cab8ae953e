"""Pages of models."""

from __future__ import annotations

from localcloud.console.pages import Asked, Page, Sources
from localcloud.errors import ApiError


def models(sources: Sources, asked: Asked) -> Page:
    """List the models."""
    return Page("models.html", {"models": sources.vertex.models()})


def model(sources: Sources, asked: Asked) -> Page:
    """
    Show one version of a model, and which others there are.

    :raises ApiError: 404 when there is no such model or version.
    """
    id_, _, version = asked["id"].partition("@")
    wanted = version or asked["version"]
    versions = sources.vertex.model_versions(asked["region"], id_)
    for found in versions:
        if wanted in (found.version_id, *found.version_aliases):
            return Page("model.html", {"model": found, "versions": versions[::-1]})
    raise ApiError(404, "NOT_FOUND", f"Model {id_} in {asked['region']} has no version {wanted}.")
