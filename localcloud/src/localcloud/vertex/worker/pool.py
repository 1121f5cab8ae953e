"""The processes of the pipeline environment, as the rest of localcloud uses them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from localcloud.clients.environment import CLEARED
from localcloud.config import HOST, Settings
from localcloud.vertex.worker.errors import (
    MeasuringFailedError,
    ReplicaFailedError,
    UnsupportedCommandError,
    WorkerError,
)
from localcloud.vertex.worker.guest import orphans
from localcloud.vertex.worker.imports import LearnedImports
from localcloud.vertex.worker.process import Connection, ZygoteProcess, check_interpreter

log = logging.getLogger(__name__)

_SERVING = Path(__file__).with_name("guest") / "serving.py"
_DISTANCES = Path(__file__).with_name("guest") / "distances.py"


class TaskExit(NamedTuple):
    """
    How a task ended.

    :param code: exit code, negative for the signal that killed it.
    :param max_rss_bytes: the most memory it held, pages shared with the warm process included.
    :param cpu_seconds: processor time, user and system.
    """

    code: int
    max_rss_bytes: int
    cpu_seconds: float


class Task:
    """
    A running container command.

    :param connection: of its process.
    :param learn: takes the installed modules that it has imported.
    """

    def __init__(self, connection: Connection, learn: Callable[[list[str]], None]) -> None:
        self._connection = connection
        self._learn = learn

    def wait(self) -> TaskExit:
        """
        Wait until it ends.

        :raises ChildStoppedError: it was cancelled.
        :raises WorkerDiedError: the warm process ended first.
        """
        answer = self._connection.receive()
        if "imported" in answer:
            self._learn(answer["imported"])
            answer = self._connection.receive()
        self._connection.close()
        return TaskExit(answer["exit"], answer["max_rss_bytes"], answer["cpu_seconds"])

    def cancel(self) -> None:
        """Kill it; a thread in :meth:`wait` gets ChildStoppedError."""
        self._connection.close()


class Replica:
    """
    One deployed model that answers on ``url`` + ``/v1/models/model:predict``.

    :param connection: keeps its process running.
    :param port: TCP port on loopback.
    :param signatures: ``dtype`` and ``shape`` of each input by signature.
    """

    def __init__(
        self, connection: Connection, port: int, signatures: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._connection = connection
        self.signatures = signatures
        self.url = f"http://{HOST}:{port}"

    @property
    def alive(self) -> bool:
        """Return whether its process runs."""
        return not self._connection.ended()

    def stop(self) -> None:
        """End its process."""
        self._connection.close()


class WorkerPool:
    """
    Start processes of the pipeline environment by forking one that is warm.

    The warm process starts at first use and again after it died. Every method may be called from any thread.

    :param settings: where the pipeline environment is, and where logs go.
    :param client_environment: variables that lead Google clients to localcloud.
    """

    def __init__(self, settings: Settings, client_environment: Mapping[str, str]) -> None:
        self._settings = settings
        inherited = {name: value for name, value in os.environ.items() if name not in CLEARED}
        # TensorFlow's start messages would hide the end of a task's own log
        self._environment = {
            "TF_CPP_MIN_LOG_LEVEL": "1",
            **inherited,
            **client_environment,
            # no search for translations: Beam makes an ArgumentParser, with its texts, for each option read
            "LANGUAGE": "C",
            orphans.MARK: str(settings.state),
        }
        self._lock = threading.Lock()
        self._zygote: ZygoteProcess | None = None
        self._preloaded: dict[str, None] = {}
        self._learned = LearnedImports(settings.state / "worker-imports")
        self._stopped = False

    def start(self) -> None:
        """Allow use (again after a stop), after killing what a killed owner has left; starts nothing."""
        orphans.kill(self._environment[orphans.MARK])
        self._stopped = False

    def stop(self) -> None:
        """End every process; waits until they are gone."""
        self._stopped = True
        # without the lock: a thread that holds it may be waiting for an import to end
        while zygote := self._zygote:
            zygote.stop()
            with self._lock:
                if self._zygote is zygote:
                    self._zygote = None

    def check(self) -> None:
        """
        Check that the pipeline environment exists.

        :raises PipelinePythonMissingError: it is not.
        """
        check_interpreter(self._settings.pipeline_python)

    def warm_up(self, modules: Sequence[str]) -> dict[str, str]:
        """
        Import into the warm process what tasks need: their modules, and what earlier tasks have imported.

        :param modules: dotted names, in the order to import them.
        :return: the error of each of ``modules`` that could not be imported.
        :raises WorkerError: the process cannot be used.
        """
        failed = self.preload([*modules, *self._learned.read()])
        # a learned module may have been uninstalled since: that is no error of the caller
        return {module: failed[module] for module in modules if module in failed}

    def preload(self, modules: Sequence[str]) -> dict[str, str]:
        """
        Import modules into the warm process, now and whenever it has to be started again.

        :param modules: dotted names, in the order to import them.
        :return: the error of each module that could not be imported; a task that needs it will say so too.
        :raises WorkerError: the process cannot be used.
        """
        with self._lock:
            new = [module for module in modules if module not in self._preloaded]
            self._preloaded.update(dict.fromkeys(new))
        return _end_preload(_begin_preload(self._running(), new)) if new else {}

    def start_task(
        self, command: Sequence[str], args: Sequence[str], environment: Mapping[str, str], log_path: Path
    ) -> Task:
        """
        Run a container command in a process of its own.

        :param command: ``python -m MODULE``, as the compiled pipeline has it.
        :param args: its arguments.
        :param environment: variables on top of the client environment.
        :param log_path: file that its output is appended to.
        :raises UnsupportedCommandError: another kind of command.
        :raises WorkerError: the process cannot be started.
        """
        module, first = module_of(command)
        log_path.parent.mkdir(parents=True, exist_ok=True)
        return Task(
            self._request(
                {
                    "kind": "task",
                    "module": module,
                    "args": [*first, *args],
                    "environment": dict(environment),
                    "log": str(log_path),
                }
            ),
            self._learn,
        )

    def start_replica(self, model_uri: str, name: str) -> Replica:
        """
        Load a SavedModel in a process of its own and wait until it answers.

        :param model_uri: folder that holds ``saved_model.pb``.
        :param name: names the log file.
        :raises ReplicaFailedError: the model cannot be loaded.
        :raises WorkerError: the process cannot be started.
        """
        self.preload(["tensorflow"])
        log_path = self._settings.logs / "replicas" / f"{name}.log"
        log_path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._request(
            {"kind": "serve", "program": str(_SERVING), "args": [model_uri], "log": str(log_path)}
        )
        answer = connection.receive()
        if "port" not in answer:
            connection.close()
            why = answer.get("failed", f"exit code {answer.get('exit')}")
            raise ReplicaFailedError(f"The model {model_uri} cannot be served: {why}; log: {log_path}")
        return Replica(connection, answer["port"], answer["signatures"])

    def measure(self, folder: Path) -> None:
        """
        Run a request in TensorFlow Data Validation, in a process of its own, and wait for it.

        :param folder: holds ``request.json``; gets ``result.json``.
        :raises MeasuringFailedError: it cannot be answered.
        :raises WorkerError: the process cannot be started.
        """
        # TFX first: where tfx-bsl is built without SQL, it makes data validation importable
        self.preload(["tensorflow", "tfx", "tensorflow_data_validation"])
        log_path = self._settings.logs / "monitoring.log"
        connection = self._request(
            {"kind": "serve", "program": str(_DISTANCES), "args": [str(folder)], "log": str(log_path)}
        )
        try:
            answer = connection.receive()
        finally:
            connection.close()
        if "done" not in answer:
            why = answer.get("failed", f"exit code {answer.get('exit')}")
            raise MeasuringFailedError(f"The statistics cannot be computed: {why}; log: {log_path}")

    def _learn(self, modules: list[str]) -> None:
        """Make the warm process import what a task has imported, before it forks the next one."""
        new = self._learned.add(modules)
        with self._lock:
            self._preloaded.update(dict.fromkeys(new))
        if not new:
            return
        try:
            connection = _begin_preload(self._running(), new)
        except WorkerError as error:
            log.info("not warmed up: %s", error)
            return
        # the next fork waits for the imports, this task's end need not
        threading.Thread(target=_await_preload, args=(connection,), name="learn", daemon=True).start()

    def _request(self, request: Mapping[str, object]) -> Connection:
        connection = self._running().connect()
        connection.send(request)
        return connection

    def _running(self) -> ZygoteProcess:
        with self._lock:
            if self._stopped:
                raise WorkerError("localcloud is stopping")
            if self._zygote and self._zygote.alive:
                return self._zygote
            if self._zygote:
                log.warning("%s; starting another", self._zygote.died())
                self._zygote.stop()
            self._zygote = ZygoteProcess(
                self._settings.pipeline_python, self._environment, self._settings.logs / "worker.log"
            )
            _end_preload(_begin_preload(self._zygote, list(self._preloaded)))
            return self._zygote


def _begin_preload(zygote: ZygoteProcess, modules: list[str]) -> Connection:
    connection = zygote.connect()
    connection.send({"kind": "preload", "modules": modules})
    return connection


def _end_preload(connection: Connection) -> dict[str, str]:
    failed: dict[str, str] = connection.receive()["failed"]
    connection.close()
    return failed


def _await_preload(connection: Connection) -> None:
    try:
        for module, why in _end_preload(connection).items():
            log.info("a task could import %s, the warm process could not: %s", module, why)
    except WorkerError as error:
        log.info("not warmed up: %s", error)


def module_of(command: Sequence[str]) -> tuple[str, list[str]]:
    """
    Return the module that a container command runs, and the arguments that the command itself holds.

    :param command: ``python -m MODULE [ARGUMENT...]``.
    :raises UnsupportedCommandError: another kind of command.
    """
    if len(command) < 3 or command[0] not in ("python", "python3") or command[1] != "-m":
        raise UnsupportedCommandError(
            f"The container command {list(command)} is not served:"
            " localcloud runs only `python -m MODULE`, in the pipeline environment"
        )
    return command[2], list(command[3:])
