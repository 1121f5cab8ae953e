from __future__ import annotations

import subprocess
import sys

import psutil

from localcloud.child import bound

PARENT = """
import subprocess, time
import psutil
from localcloud.child import bound
child = subprocess.Popen(bound(["sleep", "600"]))
while psutil.Process(child.pid).name() != "sleep":
    time.sleep(0.01)
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_child_dies_with_a_parent_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))

        parent.kill()

        child.wait(60)


def test_the_exit_code_is_the_commands_own():
    assert subprocess.run(bound(["sh", "-c", "exit 7"]), check=False).returncode == 7


def test_a_child_whose_parent_has_gone_before_it_came_does_not_start():
    command = bound(["true"])
    command[4] = "1"

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "its parent 1 is gone" in done.stderr
