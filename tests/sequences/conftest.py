"""A quick localcloud, the real DAGs, and the initial states of sequences."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from deploy.local import PROJECT
from dev.stack.settings import StackSettings
from localcloud.config import Settings
from localcloud.testing import Cloud, free_port
from tests.sequences.cloud.quick_cloud import QuickCloud
from tests.support.airflow_environment import isolate_airflow
from tests.support.repository import REPOSITORY

isolate_airflow()

from tests.sequences.bench import Bench  # noqa: E402 (imports Airflow)
from tests.sequences.wines import Wine  # noqa: E402

# one wine whose previous model is undeployed, and one whose previous model stays
_BENCH = pytest.StashKey[Bench]()
WINES = {"white": False, "red": True}
# on one machine, latencies mean nothing, and each request of verify takes time
_ROLLOUT = {"max_latency_ms": 60_000, "min_requests": 1}
# drift always starts a training
_DRIFT = {"retrain_on_drift_without_new_data": True, "drift_cooldown_hours": 0}
_MODULES = ("wine_config", "wine_cron", "wine_params", "wine_steps")


@pytest.fixture(scope="session")
def quick_cloud(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuickCloud]:
    """Run a quick localcloud next to the session's own."""
    state = tmp_path_factory.mktemp("quick") / "state"
    # gRPC reads a process's root certificates once: both must have the same authority
    shutil.copytree(cloud.settings.pki, state / "pki")
    # its tasks and its model servers need nothing but Python
    settings = Settings(
        state=state, port=free_port(), project=PROJECT, pipeline_python=Path(sys.executable), metric_delay=0.0
    )
    running = QuickCloud(settings)
    running.start()
    try:
        yield running
        assert running.stop() == 0, running.output
    finally:
        running.kill()


@pytest.fixture(scope="module")
def led_to_it(quick_cloud: QuickCloud) -> Iterator[QuickCloud]:
    """Point the clients of this process at the quick localcloud while a module runs."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in quick_cloud.environment.items():
            patch.setenv(name, value)
        # operations end in milliseconds: poll often
        patch.setattr("vertex_mlops.waiting.reschedule._FIRST_PAUSE", 0.03)
        # each hook reads the account's key, which is half of the time that a short task takes
        patch.setattr(serialization, "load_pem_private_key", cache(serialization.load_pem_private_key))
        yield quick_cloud


@pytest.fixture(scope="session")
def stack(quick_cloud: QuickCloud) -> StackSettings:
    """Return the settings of the DAGs."""
    return StackSettings(quick_cloud.settings.state.parent, cloud_port=quick_cloud.settings.port)


@pytest.fixture(scope="session")
def dags(stack: StackSettings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Parse the real DAG files, with minimal settings."""
    from airflow.dag_processing.dagbag import BundleDagBag

    folder = Path(shutil.copytree(REPOSITORY / "dags", tmp_path_factory.mktemp("dags") / "dags"))
    config = yaml.safe_load((folder / "wine_config.yaml").read_text())
    for name, keep_previous in WINES.items():
        config["wines"][name]["rollout"] = {**config["wines"][name]["rollout"], **_ROLLOUT}
        config["wines"][name]["rollout"]["keep_previous"] = keep_previous
        config["wines"][name]["drift"] = _DRIFT
    (folder / "wine_config.yaml").write_text(yaml.safe_dump(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WINE_PROJECT", stack.cloud.project)
        patch.setenv("WINE_REGION", stack.region)
        patch.setenv("WINE_BUCKET", stack.bucket)
        patch.setenv("WINE_POLL_INTERVAL", "1")
        patch.syspath_prepend(str(folder))
        for module in _MODULES:
            patch.delitem(sys.modules, module, raising=False)
        bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="wine")
        for module in _MODULES:
            sys.modules.pop(module, None)
    assert not bag.import_errors
    return dict(bag.dags)


@pytest.fixture(scope="module")
def bench(
    led_to_it: QuickCloud, stack: StackSettings, dags: dict[str, Any], pytestconfig: pytest.Config
) -> Bench:
    """Return the bench, shared by all modules since its initial states take time."""
    if _BENCH not in pytestconfig.stash:
        wines = {name: Wine(led_to_it, stack, name) for name in WINES}
        for wine in wines.values():
            wine.make()
        pytestconfig.stash[_BENCH] = Bench(dags, wines)
    return pytestconfig.stash[_BENCH]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Report how much was tested."""
    if bench := config.stash.get(_BENCH, None):
        terminalreporter.write_line(f"sequences: {bench.sequences}, steps: {bench.steps}")
