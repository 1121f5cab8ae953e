"""Watch the memory of a stack."""

from __future__ import annotations

import threading

import psutil

from dev.stack.processes import Processes

SAMPLE_SECONDS = 3


class MemoryWatch:
    """
    Samples the memory of every process of a stack, and of this process and its children, in the background.

    The proportional set size counts a page shared by forked processes once, not once per process.

    :param processes: the processes of the stack.
    """

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        self.peak_bytes = 0
        self.peak_processes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(SAMPLE_SECONDS):
            found = {*self.processes.members(), me, *me.children(recursive=True)}
            sizes = [size for process in found if (size := _proportional_size(process))]
            if sum(sizes) > self.peak_bytes:
                self.peak_bytes, self.peak_processes = sum(sizes), len(sizes)


def _proportional_size(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return 0
