"""The client of the warm process: starts it, asks it to fork children, stops it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from localcloud.vertex.worker.errors import (
    ChildStoppedError,
    PipelinePythonMissingError,
    WorkerDiedError,
    WorkerError,
)
from localcloud.vertex.worker.guest import orphans

_PROGRAM = Path(__file__).with_name("guest") / "zygote.py"
_STOP_SECONDS = 2


class Connection:
    """
    One request to the warm process and what comes back; closing it kills the child it asked for.

    :param stream: connected unix socket.
    :param owner: the process at the other end.
    """

    def __init__(self, stream: socket.socket, owner: ZygoteProcess) -> None:
        self._stream = stream
        self._owner = owner
        self._lines = stream.makefile("rb")
        self._closed = False

    def send(self, request: Mapping[str, Any]) -> None:
        """
        Send the request.

        :raises WorkerDiedError: the process is gone.
        """
        try:
            self._stream.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise self._owner.died() from error

    def receive(self) -> dict[str, Any]:
        """
        Wait for the next line of the answer.

        :raises ChildStoppedError: another thread closed the connection.
        :raises WorkerDiedError: the process is gone.
        """
        try:
            line = self._lines.readline()
        except OSError:
            line = b""
        if self._closed:
            raise ChildStoppedError("Stopped by localcloud")
        if not line:
            raise self._owner.died()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ended(self) -> bool:
        """Return, without waiting, whether the child or the process has ended."""
        try:
            # a living child that has reported its port sends nothing more
            self._stream.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Cancel the request: kill its child if it runs."""
        self._closed = True
        with suppress(OSError):
            # wakes a thread that waits in receive
            self._stream.shutdown(socket.SHUT_RDWR)
        self._stream.close()


class ZygoteProcess:
    """
    One warm process of the pipeline environment.

    :param python: interpreter of the pipeline environment.
    :param environment: whole environment of the process and of its children; it bears the mark of its owner.
    :param log: file that its own output, not its children's, is appended to.
    :raises PipelinePythonMissingError: there is no such interpreter.
    """

    def __init__(self, python: Path | None, environment: Mapping[str, str], log: Path) -> None:
        python = check_interpreter(python)
        self._log = log
        # its successor must not be mistaken for an orphan of this one
        self._mark = f"{environment[orphans.MARK]}#{secrets.token_hex(4)}"
        self._stopping = False
        log.parent.mkdir(parents=True, exist_ok=True)
        self._control, its_end = socket.socketpair()
        with its_end, log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(python), "-P", "-u", str(_PROGRAM)],
                stdin=its_end.fileno(),
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environment, orphans.MARK: self._mark},
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Return whether it runs."""
        return self._process.poll() is None

    def connect(self) -> Connection:
        """
        Open a connection for one request.

        :raises WorkerDiedError: the process is gone.
        """
        stream, its_end = socket.socketpair()
        try:
            with its_end:
                socket.send_fds(self._control, [b"."], [its_end.fileno()])
        except OSError as error:
            stream.close()
            raise self.died() from error
        return Connection(stream, self)

    def died(self) -> WorkerError:
        """Create the error for a process that has died."""
        if self._stopping:
            return ChildStoppedError("Stopped by localcloud")
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        orphans.kill(self._mark)
        code = self._process.returncode
        return WorkerDiedError(f"The pipeline worker process ended (exit code {code}); log: {self._log}")

    def stop(self) -> None:
        """End it, and every child with it."""
        self._stopping = True
        with suppress(OSError):
            # closing alone would not wake a thread that is sending
            self._control.shutdown(socket.SHUT_RDWR)
        self._control.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # it is busy with an import; the kernel kills the children when it dies
            self._process.kill()
            self._process.wait()
        orphans.kill(self._mark)


def check_interpreter(python: Path | None) -> Path:
    """
    Return the interpreter of the pipeline environment after checking that it exists.

    :param python: where it should be; None if no environment was named.
    :raises PipelinePythonMissingError: it is not.
    """
    if python is None:
        raise PipelinePythonMissingError(
            "There is no pipeline environment: set its interpreter in LOCALCLOUD_PIPELINE_PYTHON"
        )
    if not os.access(python, os.X_OK):
        raise PipelinePythonMissingError(
            f"There is no pipeline environment: {python} is not an interpreter;"
            " name another with LOCALCLOUD_PIPELINE_PYTHON"
        )
    return python
