"""The state folder at the start, and running threads at the stop; without a complete localcloud."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud import server
from localcloud.config import Settings
from localcloud.errors import StartError
from localcloud.testing import eventually, free_port

# a first localcloud with a thread that is still using the folder when it is stopped
BUSY = """
import asyncio, os, signal, sys, time
from pathlib import Path
from localcloud import server
from localcloud.config import Settings

def busy(settings):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(2)
    (settings.state / "written").touch()
    raise RuntimeError("nothing to open")

server._open_store = busy
sys.exit(asyncio.run(server.run(Settings(state=Path(sys.argv[1]), port=int(sys.argv[2])))))
"""
FULL = """
import os, threading, time
from localcloud import server

server.STOP_SECONDS = 0.1
os.set_blocking(1, False)
try:
    while os.write(1, b"x" * 4096):
        pass
except BlockingIOError:
    os.set_blocking(1, True)
server._leave_in_time(server._progress())
time.sleep(300)
"""


def run(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE)


def test_the_lock_is_held_while_a_thread_still_writes(tmp_path):
    state = tmp_path / "state"
    process = run(BUSY, str(state), str(free_port()))
    path = state / "lock"
    # it writes its pid when it has the lock
    eventually(lambda: path.read_text() or process.poll() is not None, ignored=(FileNotFoundError,))
    assert process.poll() is None

    with path.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert (state / "written").exists()

    process.communicate(timeout=60)


def test_it_leaves_in_time_though_nobody_reads_what_it_prints():
    process = run(FULL)

    try:
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("inside", "after"), [(None, 0o700), ("lock", 0o700), ("pki", 0o700), ("someone-elses", 0o755)]
)
def test_only_a_folder_of_our_own_is_closed_to_others(tmp_path, inside, after):
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o755)
    if inside:
        (state / inside).touch()

    with server._only_one(Settings(state=state)):
        assert mode(state) == after


def test_a_folder_that_cannot_be_used_is_named_in_one_line(tmp_path):
    (tmp_path / "file").touch()

    used = server._only_one(Settings(state=tmp_path / "file" / "state"))
    with pytest.raises(StartError, match=r"the state folder .* cannot be used") as raised, used:
        pass

    assert "\n" not in str(raised.value)
