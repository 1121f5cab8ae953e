"""The environment that the wheel is installed in."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.airflow_environment import REPOSITORY

DISTRIBUTION = "airflow-provider-vertex-mlops"
# as it was before a fixture has led this process to localcloud, which reaches no registry
OUTSIDE = dict(os.environ)


# runs a program of the environment, with further variables
Run = Callable[..., str]


def _uv(*arguments: str | Path) -> None:
    found = [name for name in (REPOSITORY / ".tools" / "uv" / "bin" / "uv", shutil.which("uv")) if name]
    uv = next(name for name in found if Path(name).exists())
    done = subprocess.run(
        [uv, *arguments], cwd=REPOSITORY, env=OUTSIDE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
