"""
How models and their versions are stored.

A model is kept as two kinds of message: ``.../models/ID`` holds what all versions share, and
``.../models/ID/versions/N`` what is the version's own. The API returns both merged.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.vertex.resources.names import id_of
from localcloud.vertex.resources.store import ResourceStore

DEFAULT_ALIAS = "default"
_SHARED = ("name", "display_name", "description", "create_time", "update_time", "etag")


class ModelRegistry:
    """
    Read and write models by version.

    :param store: keeps the models, and the endpoints that they are deployed to.
    """

    def __init__(self, store: ResourceStore) -> None:
        self._store = store

    def resolve(self, reference: str) -> v1.Model:
        """
        Return the version that a name means.

        :param reference: model name, alone for the default version or with ``@VERSION`` or ``@ALIAS``.
        :raises google.api_core.exceptions.NotFound: there is no such model or version.
        """
        name, _, wanted = reference.partition("@")
        versions = self.versions(name)
        for model in versions:
            if (wanted or DEFAULT_ALIAS) in (model.version_id, *model.version_aliases):
                return model
        raise exceptions.NotFound(f"Model {reference} does not exist.")

    def default_versions(self, location: str) -> list[v1.Model]:
        """Return every model of a location, each in its default version."""
        return [self.resolve(model.name) for model in self._store.list(f"{location}/models", v1.Model)]

    def versions(self, name: str) -> list[v1.Model]:
        """
        Return every version of a model, oldest first.

        :raises google.api_core.exceptions.NotFound: there is no such model.
        """
        shared = self._store.get(name, v1.Model)
        return [self._laid_over(shared, own) for own in self._own(name)]

    def transaction(self) -> AbstractContextManager[None]:
        """Commit everything inside or nothing, with no deployment or other change in between."""
        return self._store.transaction()

    def check(self, name: str, *, new: bool) -> None:
        """
        Check that a model can be added under a name.

        :param name: model name without a version.
        :param new: the name must be free; else it must exist.
        :raises google.api_core.exceptions.AlreadyExists: it is not free.
        :raises google.api_core.exceptions.NotFound: it does not exist.
        """
        exists = self._store.exists(name)
        if new and exists:
            raise exceptions.AlreadyExists(f"Model {name} already exists.")
        if not new and not exists:
            raise exceptions.NotFound(f"Model {name} does not exist.")

    def add(self, model: v1.Model, *, new: bool) -> v1.Model:
        """
        Store a model as the next version of its name.

        :param model: what is uploaded, under its name without a version; its version is set.
        :param new: the name must be free; else it must exist.
        :raises google.api_core.exceptions.AlreadyExists: it is not free.
        :raises google.api_core.exceptions.NotFound: it does not exist.
        """
        with self._store.transaction():
            self.check(model.name, new=new)
            own = self._own(model.name)
            model.version_id = str(1 + max((int(version.version_id) for version in own), default=0))
            if new:
                self._put_shared(model)
                model.labels = {}
                if DEFAULT_ALIAS not in model.version_aliases:
                    model.version_aliases.append(DEFAULT_ALIAS)
            aliases = list(model.version_aliases)
            self._take_aliases(own, aliases)
            self._store.put(_version_key(model), model)
        return self.resolve(f"{model.name}@{model.version_id}")

    def edit(self, reference: str, change: Callable[[v1.Model], None]) -> v1.Model:
        """
        Change what all versions share, or what is one version's own.

        :param reference: model name; with ``@VERSION`` or ``@ALIAS`` it means that version.
        :param change: changes the message in place.
        :return: the version as a caller sees it.
        :raises google.api_core.exceptions.NotFound: there is no such model or version.
        """
        with self._store.transaction():
            model = self.resolve(reference)
            key = _version_key(model) if "@" in reference else model.name
            stored = self._store.get(key, v1.Model)
            change(stored)
            self._store.put(key, stored)
            return self.resolve(f"{model.name}@{model.version_id}")

    def set_aliases(self, model: v1.Model, aliases: list[str]) -> None:
        """Set the aliases of a version, and take them from every other version."""
        with self._store.transaction():
            own = self._own(model.name)
            self._take_aliases([other for other in own if other.version_id != model.version_id], aliases)
            kept = self._store.get(_version_key(model), v1.Model)
            kept.version_aliases = aliases
            self._store.put(_version_key(kept), kept)

    def delete(self, name: str) -> None:
        """Remove a model with all its versions."""
        with self._store.transaction():
            for own in self._own(name):
                self.delete_version(own)
            self._store.delete(name)

    def delete_version(self, model: v1.Model) -> None:
        """Remove one version."""
        self._store.delete(_version_key(model))

    def _put_shared(self, model: v1.Model) -> None:
        shared = v1.Model({field: getattr(model, field) for field in _SHARED})
        shared.labels = dict(model.labels)
        self._store.put(model.name, shared)

    def _own(self, name: str) -> list[v1.Model]:
        return self._store.list(f"{name}/versions", v1.Model)

    def _take_aliases(self, versions: list[v1.Model], aliases: list[str]) -> None:
        for version in versions:
            kept = [alias for alias in version.version_aliases if alias not in aliases]
            if kept != list(version.version_aliases):
                version.version_aliases = kept
                self._store.put(_version_key(version), version)

    def _laid_over(self, shared: v1.Model, own: v1.Model) -> v1.Model:
        for field in _SHARED:
            setattr(own, field, getattr(shared, field))
        own.labels = {**own.labels, **shared.labels}
        own.deployed_models = [
            v1.DeployedModelRef(endpoint=endpoint.name, deployed_model_id=deployed.id)
            for endpoint in self._store.find("endpoints", v1.Endpoint)
            for deployed in endpoint.deployed_models
            if (deployed.model, deployed.model_version_id) == (own.name, own.version_id)
        ]
        return own


def _version_key(model: v1.Model) -> str:
    return f"{model.name}/versions/{model.version_id}"


def model_id(model: v1.Model) -> str:
    """Return the id that filters call ``model``."""
    return id_of(model.name)
