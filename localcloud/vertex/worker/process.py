"""The warm process as localcloud sees it: started, asked for children over a unix socket, stopped."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
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

_PROGRAM = Path(__file__).with_name("zygote.py")
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
        """Tell, without waiting, whether the child or the process has ended."""
        try:
            # a living child that has reported its port sends nothing more
            self._stream.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Take back the request: its child is killed if it runs."""
        self._closed = True
        with suppress(OSError):
            # wakes a thread that waits in receive
            self._stream.shutdown(socket.SHUT_RDWR)
        self._stream.close()


class ZygoteProcess:
    """
    One warm process of the pipeline environment.

    :param python: interpreter of the pipeline environment.
    :param environment: whole environment of the process and of its children.
    :param log: file that its own output, not its children's, is appended to.
    :raises PipelinePythonMissingError: there is no such interpreter.
    """

    def __init__(self, python: Path, environment: Mapping[str, str], log: Path) -> None:
        check_interpreter(python)
        self._log = log
        self._stopping = False
        # mkdtemp is readable by its owner alone, and short enough for a socket's path
        self._folder = Path(tempfile.mkdtemp(prefix="localcloud-"))
        self._address = str(self._folder / "zygote")
        log.parent.mkdir(parents=True, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as listener, log.open("ab") as output:
            listener.bind(self._address)
            listener.listen(128)
            self._process = subprocess.Popen(
                [str(python), "-P", "-u", str(_PROGRAM), str(listener.fileno())],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()],
                env=dict(environment),
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def connect(self) -> Connection:
        """
        Open a connection for one request.

        :raises WorkerDiedError: the process is gone.
        """
        stream = socket.socket(socket.AF_UNIX)
        try:
            stream.connect(self._address)
        except OSError as error:
            stream.close()
            raise self.died() from error
        return Connection(stream, self)

    def died(self) -> WorkerError:
        """Make the error that says that it is gone."""
        if self._stopping:
            return ChildStoppedError("Stopped by localcloud")
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        code = self._process.returncode
        return WorkerDiedError(f"The pipeline worker process ended (exit code {code}); log: {self._log}")

    def stop(self) -> None:
        """End it, and every child with it."""
        self._stopping = True
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # it is inside an import; the kernel kills the children when it dies
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def check_interpreter(python: Path) -> None:
    """
    Make sure that the pipeline environment is there.

    :param python: its interpreter.
    :raises PipelinePythonMissingError: it is not.
    """
    if not os.access(python, os.X_OK):
        raise PipelinePythonMissingError(
            f"There is no pipeline environment: {python} is not an interpreter;"
            " name another with LOCALCLOUD_PIPELINE_PYTHON"
        )
