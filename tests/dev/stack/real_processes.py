"""Real processes for the tests of what starts and stops them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil

from dev.stack.processes import Processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def start(processes: Processes, name: str, command: list[str]) -> None:
    """Start a process of a stack."""
    processes.start(name, command, environment=dict(os.environ), directory=Path.cwd())


def lives(process: psutil.Process) -> bool:
    """Return whether a process runs."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
