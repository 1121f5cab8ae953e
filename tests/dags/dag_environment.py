"""The environment that DAG files are parsed in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

ENVIRONMENT = {"WINE_PROJECT": "wine-local", "WINE_REGION": "europe-west1", "WINE_BUCKET": "wine-bucket"}
ParseDags = Callable[[Path], Any]
