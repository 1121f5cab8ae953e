"""A stack whose DAGs have a configuration of their own, as a user's would."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dev.settings import REPOSITORY, StackSettings


@dataclass(frozen=True)
class ConfiguredSettings(StackSettings):
    """A stack that serves a copy of the DAGs."""

    @property
    def dags(self) -> Path:
        """Folder of the DAGs, which differ from the repository's in their configuration alone."""
        return self.root / "dags"

    def environment(self) -> dict[str, str]:
        """Build the environment in which every process of the stack runs."""
        return super().environment() | {"AIRFLOW__CORE__DAGS_FOLDER": str(self.dags)}

    def write_dags(self, change: Callable[[dict[str, Any]], None]) -> None:
        """
        Copy the DAGs.

        :param change: is given the content of ``wine_config.yaml``.
        """
        shutil.copytree(REPOSITORY / "dags", self.dags, ignore=shutil.ignore_patterns("__pycache__"))
        path = self.dags / "wine_config.yaml"
        # through JSON, so that what the wines share is no longer shared
        content = json.loads(json.dumps(yaml.safe_load(path.read_text())))
        change(content)
        path.write_text(yaml.safe_dump(content, sort_keys=False))
