"""What a caller must know to serve the model, written into the compiled file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from wine_pipeline.config import WineConfig, check_label

GIT_REVISION = "WINE_GIT_REVISION"
_UNKNOWN = "unknown"


def build_serving_spec(config: WineConfig) -> dict[str, Any]:
    """
    Return the ``serving`` of the compiled file.

    :param config: of the wine.
    :raises ConfigError: if the revision that the environment gives is none.
    """
    serving = config.serving
    return {
        "name": config.name,
        "container_image": serving.container_image,
        "machine_type": serving.machine_type,
        "min_replicas": serving.min_replicas,
        "max_replicas": serving.max_replicas,
        "git_revision": git_revision(),
    }


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
