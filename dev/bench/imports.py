"""CPU seconds of importing the DAG files, which every task on Composer spends."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

from dev.bench.bounds import Measure
from dev.stack.settings import REPOSITORY

ROUNDS = 3
OPERATOR = "airflow.providers.google.cloud.operators.vertex_ai.pipeline_job"
# DAG file: what it cannot be imported without, and how many times that CPU it may take
BOUNDS = {
    "wine_retraining": (OPERATOR, 1.05),
    "wine_drift": ("airflow.sdk", 1.2),
    "wine_rollback": ("airflow.sdk", 1.2),
}
PLACE = {"WINE_PROJECT": "wine-local", "WINE_REGION": "europe-west1", "WINE_BUCKET": "wine-local-mlops"}
_PROGRAM = "import time, {module}; print(time.process_time())"


def import_measures() -> list[Measure]:
    """Measure each DAG file relative to its unavoidable imports, all of them in turn."""
    modules = [*BOUNDS, *dict.fromkeys(base for base, _ in BOUNDS.values())]
    with tempfile.TemporaryDirectory() as home:
        # the first import of a module may compile it
        for module in modules:
            cpu_seconds(module, home)
        seconds: dict[str, list[float]] = {module: [] for module in modules}
        for _ in range(ROUNDS):
            for module in modules:
                seconds[module].append(cpu_seconds(module, home))
    return import_ratios(seconds)


def import_ratios(seconds: Mapping[str, Sequence[float]]) -> list[Measure]:
    """
    Return the ratio of each DAG file: of the least CPU, since any disturbance only increases it.

    :param seconds: CPU seconds of each import, by the name of the module.
    """
    return [
        Measure(
            f"import of {module} / {base.rpartition('.')[2] if base == OPERATOR else base}, CPU",
            min(seconds[module]) / min(seconds[base]),
            bound,
        )
        for module, (base, bound) in BOUNDS.items()
    ]


def cpu_seconds(module: str, home: str) -> float:
    """
    Import a module in a fresh process, without the libraries that the local stack preloads.

    :param module: its full name.
    :param home: folder that Airflow may write to.
    :return: CPU seconds of the process until the module is imported.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")}
    paths = f"{REPOSITORY / 'plugins'}:{REPOSITORY / 'dags'}"
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(module=module)],
        env=own | PLACE | {"AIRFLOW_HOME": home, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    # Airflow may print other lines before it
    return float(done.stdout.split()[-1])
