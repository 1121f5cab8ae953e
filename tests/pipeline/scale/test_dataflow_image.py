from __future__ import annotations

import re
from pathlib import Path

import apache_beam

DOCKERFILE = Path(__file__).resolve().parents[3] / "pipeline" / "Dockerfile"


def test_the_launcher_of_dataflows_workers_has_the_version_of_the_installed_beam() -> None:
    named = re.findall(r"^ARG BEAM_IMAGE=apache/beam_python3\.11_sdk:(\S+)$", DOCKERFILE.read_text(), re.M)

    assert named == [apache_beam.__version__]
