"""
Airflow's components, forked from one process: ``python -m dev.stack.airflow_launcher ROOT``.

The libraries are imported once and their pages are shared, instead of once for each of four commands.
Each fork runs Airflow's own command.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from dev.stack.processes import Processes

AIRFLOW_COMPONENTS = {
    # Their log servers would listen on every address of the machine: the API server reads the files itself.
    "scheduler": ["airflow", "scheduler", "--skip-serve-logs"],
    "triggerer": ["airflow", "triggerer", "--skip-serve-logs"],
    "dag-processor": ["airflow", "dag-processor"],
    "api-server": ["airflow", "api-server"],
}
# Building its application takes longest, and needs none of the others' imports.
FIRST = "api-server"
SHARED_BY_THE_OTHERS = (
    "airflow.jobs.scheduler_job_runner",
    "airflow.jobs.triggerer_job_runner",
    "airflow.jobs.dag_processor_job_runner",
    "airflow.executors.local_executor",
)
# Google's libraries, for the tasks, triggers and DAG files that these processes fork for.
PRELOADED = Path(__file__).parents[1] / "airflow_settings" / "airflow_local_settings.py"


def launch(root: Path) -> None:
    """
    Fork each component, record it as a process of the stack, and wait until all of them have ended.

    :param root: folder of the stack.
    """
    processes = Processes(root)
    # a DAG file must find the same modules as on Composer, and not the packages of this repository
    sys.path[:] = [entry for entry in sys.path if entry != os.getcwd()]
    importlib.import_module("airflow.settings")
    # as Airflow's main does: the file, with its generated key, must exist before they all read it
    importlib.import_module("airflow.configuration").write_default_airflow_configuration_if_needed()
    _fork(processes, FIRST)
    for module in SHARED_BY_THE_OTHERS:
        importlib.import_module(module)
    sys.path.insert(0, str(PRELOADED.parent))
    importlib.import_module(PRELOADED.stem)
    for name in AIRFLOW_COMPONENTS:
        if name != FIRST:
            _fork(processes, name)
    # Stopping the stack stops them too; without a parent that waits, they would stay as zombies.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _fork(processes: Processes, name: str) -> None:
    """Fork a component that starts once it is recorded, and exits if that does not happen."""
    reader, writer = os.pipe()
    gc.freeze()
    pid = os.fork()
    if pid:
        os.close(reader)
        processes.add(name, pid)
        os.write(writer, b"begin")
        os.close(writer)
        return
    os.close(writer)
    os.setsid()
    begin = os.read(reader, 5)
    os.close(reader)
    if not begin:
        os._exit(1)
    _become(name, processes.logs / f"{name}.log")


def _become(name: str, log: Path) -> None:
    """Turn this process into a component; like Airflow's command, it ends the process."""
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    sys.argv = list(AIRFLOW_COMPONENTS[name])
    sys.exit(importlib.import_module("airflow.__main__").main())


if __name__ == "__main__":
    launch(Path(sys.argv[1]))
