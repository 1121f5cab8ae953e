"""DAG files parsed the way Airflow's DAG processor parses them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.dags.dag_environment import ENVIRONMENT, ParseDags
from tests.support.airflow_environment import REPOSITORY, isolate_airflow

isolate_airflow()


@pytest.fixture
def wine_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def dags_folder(tmp_path: Path) -> Path:
    """Return a copy of dags/ that a test may spoil."""
    return Path(shutil.copytree(REPOSITORY / "dags", tmp_path / "dags"))


@pytest.fixture
def parse_dags(monkeypatch: pytest.MonkeyPatch) -> ParseDags:
    """Parse a DAGs folder into a DagBag; its modules shadow those of any other folder."""
    from airflow.dag_processing.dagbag import BundleDagBag

    def parse(folder: Path) -> Any:
        monkeypatch.syspath_prepend(str(folder))
        for module in ("wine_config", "wine_cron", "wine_params", "wine_steps"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        return BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="wine")

    return parse
