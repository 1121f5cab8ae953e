"""Measures the Trainer on more and more rows: ``make bench-trainer``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.__main__ import quiet
from bench.trainer.examples import write_file, write_graph

MILLION = 1_000_000
SIZES = (1, 5, 10)
# wines that give the scaling: its cost is that of Transform, which make bench-scale measures
_SCALED = 50_000
_KIB = 1024


@dataclass(frozen=True)
class Usage:
    """
    What one training took, imports included.

    :param rows: in the files that it read.
    :param cpu_seconds: processor time, user and system.
    :param peak_mib: peak memory in MiB.
    :param model_mb: size of the SavedModel in MB.
    """

    rows: int
    cpu_seconds: float
    peak_mib: float
    model_mb: float

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows: {self.cpu_seconds:.0f} s of CPU, {self.peak_mib:,.0f} MiB,"
            f" a SavedModel of {self.model_mb:.1f} MB"
        )


def main() -> None:
    """Measure, and print each training as soon as it has ended."""
    with TemporaryDirectory() as folder, quiet() as said:
        for usage in measure(Path(folder), MILLION, SIZES):
            said(str(usage))


def measure(folder: Path, rows: int, sizes: Sequence[int]) -> Iterator[Usage]:
    """
    Yield what training takes on more and more files.

    :param folder: for the files and the models.
    :param rows: in each file.
    :param sizes: numbers of files, ascending.
    """
    scaling = write_graph(folder, min(rows, _SCALED))
    written = 0
    for size in sizes:
        for number in range(written, size):
            write_file(folder, scaling, rows, number)
        written = size
        yield _train(folder, folder / f"model-{size}", rows * size)


def _train(folder: Path, model: Path, rows: int) -> Usage:
    # a process of its own: the peak of its memory is that of the task
    command = [sys.executable, "-m", "bench.trainer.fit", str(folder), str(model)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    saved = model / "Format-Serving" / "1"
    size = sum(path.stat().st_size for path in saved.rglob("*") if path.is_file())
    return Usage(rows, used.ru_utime + used.ru_stime, used.ru_maxrss / _KIB, size / 1e6)


if __name__ == "__main__":
    main()
