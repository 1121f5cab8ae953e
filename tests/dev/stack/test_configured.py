"""A stack's own configuration changes nothing else, and the DAGs take it."""

from __future__ import annotations

import filecmp
from pathlib import Path
from typing import Any

from wine_config import load_wines

from dev.stack.configured import ConfiguredSettings
from dev.stack.settings import REPOSITORY
from tests.dags.dag_environment import ENVIRONMENT


def test_the_dags_are_copied_and_their_configuration_is_changed(tmp_path: Path) -> None:
    settings = ConfiguredSettings(root=tmp_path)

    def change(content: dict[str, Any]) -> None:
        content["wines"]["white"]["drift"]["drift_cooldown_hours"] = 1

    settings.write_dags(change)

    compared = filecmp.dircmp(REPOSITORY / "dags", settings.dags, ignore=["__pycache__"])
    assert compared.diff_files == ["wine_config.yaml"]
    assert not compared.left_only + compared.right_only
    white, red = load_wines(settings.dags / "wine_config.yaml", ENVIRONMENT)
    assert (white.drift.drift_cooldown_hours, red.drift.drift_cooldown_hours) == (1, 24)
    assert settings.environment()["AIRFLOW__CORE__DAGS_FOLDER"] == str(settings.dags)
