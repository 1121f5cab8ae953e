"""
A warm process of the pipeline environment: it has imported what tasks need, and forks a child for each.

The pool starts it as ``python -P zygote.py`` with a unix socket for standard input, and sends it one
connection for each request, one JSON object a line. A request is ``{"kind": "preload", "modules": [...]}``,
answered with ``{"failed": {module: error}}``, or a child: ``{"kind": "task", "module", "args", "environment",
"log"}`` or ``{"kind": "serve", "program", "args", "log"}``. A child's connection carries the child's own
lines, of a task ``{"imported": [...]}`` with the installed modules that it has imported itself, and at last
``{"exit": code, "max_rss_bytes", "cpu_seconds"}``. Closing the connection kills the child.

It stays single-threaded and runs no TensorFlow operation, so that its children can. It ends with
all its descendants when its standard input ends, which the kernel closes however localcloud dies.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib.util
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import traceback
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

# the file next to this one: -P keeps this folder off the path of what is imported for the tasks
orphans = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("orphans.py"))))

PR_SET_PDEATHSIG = 1
_MAX_REQUEST = 64 << 20


class Child(NamedTuple):
    """A forked process and the connection that asked for it."""

    pid: int
    pidfd: int
    connection: socket.socket


class Zygote:
    """
    Serve requests until the standard input ends.

    :param control: unix socket that the pool sends connections through.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, self._accept)

    def serve(self) -> None:
        """Handle one event after the other; never returns."""
        while True:
            for key, _ in self._selector.select():
                # an earlier event of the same round may have removed this one
                if key.fd in self._selector.get_map():
                    key.data()

    def _accept(self) -> None:
        sent, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
        if not sent:
            self._end()
        connection = socket.socket(fileno=descriptors[0])
        with suppress(OSError, ValueError):
            self._answer(connection, json.loads(_read_line(connection)))
            return
        connection.close()

    def _answer(self, connection: socket.socket, request: dict[str, Any]) -> None:
        if request["kind"] == "preload":
            _send(connection, {"failed": preload(request["modules"])})
            connection.close()
            return
        child = self._fork(connection, request)
        self._children[child.pid] = child
        self._selector.register(child.pidfd, selectors.EVENT_READ, lambda: self._reap(child))
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._hear(child))

    def _fork(self, connection: socket.socket, request: dict[str, Any]) -> Child:
        parent = os.getpid()
        # a collection in the child would copy every page that it shares with this process
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            self._become_child(parent, connection, request)
        return Child(pid, os.pidfd_open(pid), connection)

    def _become_child(self, parent: int, connection: socket.socket, request: dict[str, Any]) -> None:
        code = 1
        try:
            os.setsid()
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            self._close_others(connection)
            _redirect(request["log"])
            code = run(request, connection)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _close_others(self, connection: socket.socket) -> None:
        self._selector.close()
        for child in self._children.values():
            os.close(child.pidfd)
            child.connection.close()
        null = os.open(os.devnull, os.O_RDONLY)
        # in the place of the control socket
        os.dup2(null, self._control.fileno())
        os.close(null)

    def _hear(self, child: Child) -> None:
        """Kill the child at the end of the connection: the pool never sends a second line."""
        self._selector.unregister(child.connection)
        _kill_group(child.pid)

    def _reap(self, child: Child) -> None:
        _, status, usage = os.wait4(child.pid, 0)
        # what the child itself started must not outlive it
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        orphans.kill(f"{os.environ[orphans.MARK]}#{child.pid}")
        self._selector.unregister(child.pidfd)
        os.close(child.pidfd)
        if child.connection.fileno() in self._selector.get_map():
            self._selector.unregister(child.connection)
        answer = {
            "exit": os.waitstatus_to_exitcode(status),
            "max_rss_bytes": usage.ru_maxrss * 1024,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
        }
        with suppress(OSError):
            _send(child.connection, answer)
        child.connection.close()
        del self._children[child.pid]

    def _end(self) -> NoReturn:
        orphans.kill(os.environ[orphans.MARK])
        os._exit(0)


def preload(modules: list[str]) -> dict[str, str]:
    """
    Import modules, in the order given.

    Only installed modules: each task imports a module that is being edited itself, in its newest version.

    :param modules: dotted names.
    :return: the error of each module that cannot be imported.
    """
    failed = {}
    for module in modules:
        try:
            if module not in sys.modules and _is_installed(module.partition(".")[0]):
                importlib.import_module(module)
        except BaseException as error:
            traceback.print_exc()
            failed[module] = f"{type(error).__name__}: {error}"
    return failed


@cache
def _is_installed(package: str) -> bool:
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    places = [spec.origin or "", *(spec.submodule_search_locations or ())]
    return any(place.startswith(sys.prefix) for place in places)


def run(request: dict[str, Any], connection: socket.socket) -> int:
    """Run the request in the forked child, and return its exit code."""
    gc.enable()
    os.environ.update(request.get("environment", {}))
    os.environ[orphans.MARK] += f"#{os.getpid()}"
    warm = set(sys.modules)
    try:
        if request["kind"] == "serve":
            sys.argv = [request["program"], *request["args"], str(connection.fileno())]
            runpy.run_path(request["program"], run_name="__main__")
        else:
            run_as_main(request["module"], request["args"])
    except SystemExit as stop:
        return _exit_code(stop)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        if request["kind"] == "task":
            with suppress(OSError):
                _send(connection, {"imported": imported_since(warm)})
        # what the interpreter does at its end: wait for threads, then let libraries clean up
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    return 0


def imported_since(warm: set[str]) -> list[str]:
    """
    Return the installed modules that have been imported, in the order of their import.

    :param warm: modules that had been imported before.
    """
    # some packages put names into sys.modules that cannot be imported
    return [
        name
        for name, module in list(sys.modules.items())
        if name not in warm
        and name == getattr(getattr(module, "__spec__", None), "name", None)
        and (getattr(module, "__file__", None) or "").startswith(sys.prefix)
    ]


def run_as_main(module: str, args: list[str]) -> None:
    """
    Run a module as ``python -m MODULE ARGS`` does.

    :param module: dotted name.
    :param args: its command line.
    """
    sys.argv = [module, *args]
    # runpy runs it afresh, as the interpreter would; what it imports stays warm
    sys.modules.pop(module, None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    print(stop.code, file=sys.stderr)
    return 1


def _redirect(log: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, sys.stdout.fileno())
    os.dup2(descriptor, sys.stderr.fileno())
    os.close(descriptor)


def _kill_group(pid: int) -> None:
    # a child that has not reached setsid yet leads no group
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)
            return


def _read_line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        chunk = connection.recv(1 << 16)
        if not chunk or len(line) > _MAX_REQUEST:
            raise ValueError("the request has no end")
        line += chunk
    return line


def _send(connection: socket.socket, answer: dict[str, Any]) -> None:
    connection.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    # what is freed here leaves holes for a child to fill: https://docs.python.org/3.11/library/gc.html#gc.freeze
    gc.disable()
    Zygote(socket.socket(fileno=sys.stdin.fileno())).serve()
