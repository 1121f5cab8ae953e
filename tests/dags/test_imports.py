"""What a parse of a DAG file imports: every task of a Composer run pays for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache

import pytest

from tests.dags.dag_environment import ENVIRONMENT
from tests.support.airflow_environment import REPOSITORY

LISTING = "import {module}, json, sys; print(json.dumps(sorted(sys.modules)))"
PROVIDER = "airflow.providers.google."
# the base class of all operators of the provider, which imports google.api_core and no client
BASE_OPERATOR = {
    f"{PROVIDER}{name}"
    for name in ("version_compat", "cloud", "cloud.operators", "cloud.operators.cloud_base")
}


@cache
def imported(module: str) -> set[str]:
    """Return every module of Google's that a fresh process has after an import of this one."""
    done = subprocess.run(
        [sys.executable, "-c", LISTING.format(module=module)],
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": f"{REPOSITORY / 'plugins'}:{REPOSITORY / 'dags'}"},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in json.loads(done.stdout) if name.startswith(("google.cloud.", PROVIDER))}


@pytest.mark.parametrize("dag_file", ["wine_drift", "wine_retraining", "wine_rollback"])
def test_a_dag_file_is_parsed_without_a_client_of_googles(dag_file: str) -> None:
    assert imported(dag_file) - imported("airflow.sdk") == BASE_OPERATOR
