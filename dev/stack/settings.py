"""The location of a local stack, and the environment that its parts share."""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.local import BUCKET, REGION, local_project
from localcloud.clients.environment import activate, process_environment
from localcloud.config import HOST, SettingsError
from localcloud.config import Settings as CloudSettings

REPOSITORY = Path(__file__).resolve().parents[2]
LOCAL = REPOSITORY / ".local"
# packages of plugins for the local Airflow only; each declares its plugin as an entry point
AIRFLOW_PLUGINS = REPOSITORY / "dev" / "airflow_plugins"
DEFAULT_AIRFLOW_PORT = 18080
# stands for the image of the pipeline
PIPELINE_PYTHON = REPOSITORY / "pipeline" / ".venv" / "bin" / "python"


def _airflow_port() -> int:
    text = os.environ.get("WINE_AIRFLOW_PORT", str(DEFAULT_AIRFLOW_PORT))
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 2**16:
        raise SettingsError(f"WINE_AIRFLOW_PORT must be a port from 1 to 65535, not {ascii(text[:80])[1:-1]}")
    return int(text)


@dataclass(frozen=True)
class StackSettings:
    """
    One local stack.

    :param root: folder of everything that it writes.
    :param airflow_port: TCP port of Airflow's API server on loopback (``WINE_AIRFLOW_PORT``).
    :param cloud_port: TCP port of localcloud's gateway on loopback (``LOCALCLOUD_PORT``).
    :raises SettingsError: one of these variables is not a valid port.
    """

    root: Path
    airflow_port: int = field(default_factory=_airflow_port)
    cloud_port: int = field(default_factory=lambda: CloudSettings.from_environment().port)
    region: str = REGION
    bucket: str = BUCKET
    dataset: str = "wine_quality"

    @property
    def cloud(self) -> CloudSettings:
        """Return the settings of this stack's localcloud: the environment's, with what the wines need."""
        given = CloudSettings.from_environment()
        return replace(
            given,
            state=self.root / "cloud",
            port=self.cloud_port,
            project=local_project(),
            pipeline_python=given.pipeline_python or PIPELINE_PYTHON,
        )

    @property
    def airflow_home(self) -> Path:
        """Return the folder of Airflow's configuration, metadata database and task logs."""
        return self.root / "airflow"

    @property
    def airflow_url(self) -> str:
        """Return the base URL of Airflow's UI and REST API."""
        return f"http://{HOST}:{self.airflow_port}"

    def table(self, wine: str) -> str:
        """Return the full name of a wine's BigQuery table."""
        return f"{self.cloud.project}.{self.dataset}.{wine}_wine"

    def activate(self) -> None:
        """
        Set the stack's environment in this process, for Google's clients.

        Call it before Google's libraries are imported.
        """
        activate(self.cloud)
        environment = self.environment()
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        os.environ.update(environment)

    def environment(self) -> dict[str, str]:
        """Build the environment in which every process of the stack runs."""
        cloud = self.cloud
        # A user's own Airflow settings would change what runs here.
        foreign = [name for name in os.environ if name.startswith("AIRFLOW__")]
        environment = (
            process_environment(cloud)
            | cloud.environment()
            | {
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "WINE_PROJECT": cloud.project,
                "WINE_REGION": self.region,
                "WINE_BUCKET": self.bucket,
                # what is polled runs on this machine, and costs no quota
                "WINE_POLL_INTERVAL": "1",
            }
        )
        for name in [*foreign, "PYTHONDONTWRITEBYTECODE"]:
            environment.pop(name, None)
        return environment | self._airflow_environment()

    def _airflow_environment(self) -> dict[str, str]:
        return {
            "AIRFLOW_HOME": str(self.airflow_home),
            "AIRFLOW__API__BASE_URL": self.airflow_url,
            "AIRFLOW__API__HOST": HOST,
            "AIRFLOW__API__PORT": str(self.airflow_port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.airflow_url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            # more than run at once: a worker may take its next task a second after the last one only (below)
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
            # a new DAG file is found after these seconds; an edited one always within a second;
            # changes in the imports of DAG files every 30 s (min_file_process_interval): parsing costs CPU
            "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "2",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "2",
            # anyone who reaches the loopback port is admin: there is only this machine's own data
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.airflow_home / 'airflow.db'}",
            # seconds of sleep when there is nothing to schedule; a ready task waits at most as long
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
            # A supervisor that reads the end of a task's last socket before the process has gone waits for a
            # whole heartbeat, with nothing left to listen to: the worker takes no other task meanwhile.
            # Source: _monitor_subprocess in airflow.sdk.execution_time.supervisor of Airflow 3.3.1
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            # Each task forks from a process that has imported Google's libraries already.
            "PYTHONPATH": f"{REPOSITORY / 'dev' / 'airflow_settings'}{os.pathsep}{AIRFLOW_PLUGINS}",
        } | self._secrets()

    def _secrets(self) -> dict[str, str]:
        """Return the keys that Airflow's components share: created once, readable only by their owner."""
        path = self.airflow_home / "secrets.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            names = ("AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY")
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump({name: secrets.token_urlsafe(64) for name in names}, file)
        return dict(json.loads(path.read_text()))
