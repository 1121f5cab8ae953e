"""Run a command so that it ends with one line and an exit code, and leaves no process."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError

from deploy.terminal.signals import INTERRUPTS, ignore_interrupts, interrupt_once
from dev.stack.stack import Stack
from localcloud.config import SettingsError

FAILED = 1
INTERRUPTED = 130
# exceptions of requests are OSErrors
FAILURES = (OSError, RuntimeError, GoogleAPIError, GoogleAuthError, SettingsError)


def guarded(name: str, work: Callable[[], None]) -> int:
    """
    Run the work, and print an error as one line.

    :param name: the command, as typed.
    :return: the exit code.
    """
    before = {number: signal.getsignal(number) for number in INTERRUPTS}
    interrupt_once()
    code = 0
    try:
        work()
    except KeyboardInterrupt:
        print(f"{name}: interrupted; every process is stopped", file=sys.stderr)
        # a further ctrl-C, while Python ends, must not change the exit code: all stay ignored
        return INTERRUPTED
    except FAILURES as error:
        print(f"{name}: {error}", file=sys.stderr)
        code = FAILED
    for number, handler in before.items():
        signal.signal(number, handler)
    return code


@contextmanager
def stopping(stack: Stack, *, keep: bool = False) -> Iterator[None]:
    """
    Stop every process of a stack at the end of the block, without being interrupted in it.

    :param keep: leave them running if the block succeeds.
    """
    succeeded = False
    try:
        try:
            yield
            succeeded = True
        finally:
            ignore_interrupts()
    finally:
        if not succeeded:
            stack.progress.line("stopping every process")
        if not (keep and succeeded):
            stack.stop()
