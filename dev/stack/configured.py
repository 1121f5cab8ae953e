"""A stack whose DAGs have a custom configuration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dev.stack.settings import REPOSITORY, StackSettings


@dataclass(frozen=True)
class ConfiguredSettings(StackSettings):
    """A stack that serves a copy of the DAGs."""

    @property
    def dags(self) -> Path:
        """Return the folder of the DAGs, which differ from the repository's only in their configuration."""
        return self.root / "dags"

    def environment(self) -> dict[str, str]:
        """Build the environment in which every process of the stack runs."""
        return super().environment() | {"AIRFLOW__CORE__DAGS_FOLDER": str(self.dags)}

    def write_dags(self, change: Callable[[dict[str, Any]], None]) -> None:
        """
        Copy the DAGs.

        :param change: called with the content of ``wine_config.yaml``.
        """
        shutil.copytree(REPOSITORY / "dags", self.dags, ignore=shutil.ignore_patterns("__pycache__"))
        path = self.dags / "wine_config.yaml"
        # through JSON, which copies the settings that the wines share
        content = json.loads(json.dumps(yaml.safe_load(path.read_text())))
        change(content)
        path.write_text(yaml.safe_dump(content, sort_keys=False))
