"""What Airflow is told of the provider is what the package holds, in one version."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import tomllib
from collections.abc import Iterator
from importlib import resources
from typing import Any

import jsonschema
import vertex_mlops

from tests.support.airflow_environment import REPOSITORY, isolate_airflow

isolate_airflow()

from airflow.sdk import BaseOperator  # noqa: E402
from airflow.sdk.bases.hook import BaseHook  # noqa: E402
from vertex_mlops.links.console import ConsoleLink  # noqa: E402
from vertex_mlops.provider_info import get_provider_info  # noqa: E402

PROJECT = tomllib.loads((REPOSITORY / "plugins" / "pyproject.toml").read_text())["project"]


def classes(base: type) -> Iterator[Any]:
    """Yield the public classes of the package that derive from a base."""
    for module in pkgutil.walk_packages(vertex_mlops.__path__, "vertex_mlops."):
        for name, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if cls.__module__ == module.name and name[0] != "_" and issubclass(cls, base):
                yield cls


def listed(kind: str) -> list[str]:
    """Return the modules that the metadata names."""
    return [module for entry in get_provider_info()[kind] for module in entry["python-modules"]]


def test_airflow_accepts_the_metadata() -> None:
    schema = json.loads((resources.files("airflow") / "provider_info.schema.json").read_text())

    jsonschema.validate(get_provider_info(), schema)

    assert get_provider_info()["package-name"] == PROJECT["name"]


def test_every_operator_and_hook_is_in_a_module_that_is_listed() -> None:
    operators = {cls.__module__ for cls in classes(BaseOperator) if cls.execute is not BaseOperator.execute}
    sensors = {name for name in operators if ".sensors." in name}

    assert sorted(listed("operators")) == sorted(operators - sensors)
    assert listed("sensors") == sorted(sensors)
    assert listed("hooks") == sorted({cls.__module__ for cls in classes(BaseHook)})


def test_every_link_is_listed() -> None:
    links = {f"{cls.__module__}.{cls.__name__}" for cls in classes(ConsoleLink) if cls is not ConsoleLink}

    assert get_provider_info()["extra-links"] == sorted(links)


def test_the_entry_points_lead_to_what_they_name() -> None:
    groups = PROJECT["entry-points"]
    (provider,), (plugin,) = (
        groups[name].values() for name in ("apache_airflow_provider", "airflow.plugins")
    )

    assert pkgutil.resolve_name(provider) is get_provider_info
    assert pkgutil.resolve_name(plugin).name == "models_in_service"
