"""The memory that is reported is that of every process at work."""

from __future__ import annotations

import sys
from pathlib import Path

from dev.demo.measures import MemoryWatch
from dev.stack.processes import Processes
from localcloud.testing import eventually
from tests.dev.stack.real_processes import start

MIB = 1024**2
# As the pipeline's worker does: a child in a session of its own, which holds the memory.
HOLDER = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', "
    f"'import time; held = bytearray(b\"1\") * {200 * MIB}; time.sleep(600)'], start_new_session=True); "
    "time.sleep(600)",
]


def test_memory_of_a_descendant_in_a_session_of_its_own_counts(tmp_path: Path):
    processes = Processes(tmp_path)
    with MemoryWatch(processes) as before:
        eventually(lambda: before.peak_bytes > 0)

    try:
        start(processes, "holder", HOLDER)
        with MemoryWatch(processes) as watch:
            eventually(lambda: watch.peak_bytes > before.peak_bytes + 200 * MIB)
    finally:
        processes.stop()

    assert watch.peak_processes >= before.peak_processes + 2
