"""
Child processes that end with localcloud, even if it is killed.

Run as a program, it asks the kernel to kill this process when its parent dies, then becomes the command:
``python child.py PARENT_PID COMMAND...``
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def bound(command: list[str]) -> list[str]:
    """
    Return the command that runs ``command`` until it ends or this process dies, whichever comes first.

    The kernel watches the thread that starts the child: start it from the main thread.

    :param command: program and arguments.
    """
    # -I -S: nothing but the standard library, so that it costs 15 ms
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(parent: int, command: list[str]) -> None:
    """Bind this process to its parent and become the command."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # the parent may have died before the kernel was asked
    if os.getppid() != parent:
        sys.exit(f"{command[0]}: its parent {parent} is gone")
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
