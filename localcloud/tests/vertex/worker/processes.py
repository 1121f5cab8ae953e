"""The modules that workers run, and whether a process runs."""

from __future__ import annotations

from pathlib import Path

import psutil

MODULES = Path(__file__).with_name("modules")


def runs(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
