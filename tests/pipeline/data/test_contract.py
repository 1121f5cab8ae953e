"""The contract with the DAGs, imported as a task of the pipeline imports it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

IMPORT_ALL = """
import importlib, pkgutil, sys
from vertex_mlops import contract

names = [module.name for module in pkgutil.walk_packages(contract.__path__, "vertex_mlops.contract.")]
for name in names:
    importlib.import_module(name)
print(len(names), "airflow" in sys.modules)
"""


def test_every_module_of_it_is_there_without_airflow(tmp_path: Path) -> None:
    # -I: neither PYTHONPATH nor the folder of the repository can lend a module
    command = [sys.executable, "-I", "-c", IMPORT_ALL]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    modules, with_airflow = done.stdout.split()
    assert int(modules) > 5
    assert with_airflow == "False"
