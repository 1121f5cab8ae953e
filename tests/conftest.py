"""One real localcloud for all tests of a session, started as its users start it."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from google.api_core.future import polling

from dev.mail_sink import MailSink
from dev.signals import INTERRUPTS
from localcloud import health
from localcloud.config import Settings
from localcloud.environment import CLEARED, client_environment, process_environment

pytest_plugins = ["tests.selection"]
REPOSITORY = Path(__file__).resolve().parent.parent
TASK_MODULES = Path(__file__).parent / "localcloud" / "vertex" / "pipelines" / "modules"
# below the limit of pytest, so that what takes too long is named
START_SECONDS = 240
STOP_SECONDS = 30
FIRST_POLL_SECONDS = 0.1
MakeOnce = Callable[[str, Callable[[Path], None]], Path]


@dataclass
class Cloud:
    """
    A localcloud in a process of its own.

    :param settings: what it is started with.
    :param python: interpreter that has its libraries.
    """

    settings: Settings
    python: Path = Path(sys.executable)
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs in its environment."""
        return client_environment(self.settings)

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._output_path.read_text()

    @property
    def _output_path(self) -> Path:
        return self.settings.state.with_name(f"{self.settings.state.name}.out")

    @property
    def _own_environment(self) -> dict[str, str]:
        # a developer's own settings or proxies must not reach what is tested
        foreign = (*CLEARED, *self.environment)
        kept = {name: value for name, value in os.environ.items() if name not in foreign}
        return kept | {
            "LOCALCLOUD_STATE": str(self.settings.state),
            "LOCALCLOUD_PORT": str(self.settings.port),
            "LOCALCLOUD_PROJECT": self.settings.project,
            "LOCALCLOUD_PIPELINE_PYTHON": str(self.settings.pipeline_python),
            "LOCALCLOUD_SMTP": ":".join(map(str, self.settings.smtp or ())),
            "LOCALCLOUD_METRIC_DELAY": str(self.settings.metric_delay),
            # small modules for pipeline tasks to run
            "PYTHONPATH": str(TASK_MODULES),
        }

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m localcloud ARGUMENTS`` to its end."""
        return subprocess.run(
            [self.python, "-m", "localcloud", *arguments],
            cwd=REPOSITORY,
            env=self._own_environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def client(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a client in a process of its own, led to this localcloud; skip where there is no curl."""
        if command[0] == "curl" and shutil.which("curl") is None:
            pytest.skip("there is no curl on the PATH")
        return subprocess.run(
            command,
            cwd=REPOSITORY,
            env=process_environment(self.settings),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def launch(self) -> None:
        """Start it."""
        with self._output_path.open("a") as output:
            self.process = subprocess.Popen(
                [self.python, "-m", "localcloud", "up"],
                cwd=REPOSITORY,
                env=self._own_environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def start(self) -> None:
        """Start it and wait until it serves."""
        self.launch()
        assert self.process is not None
        while self.process.poll() is None:
            if self.serves():
                return
            time.sleep(0.1)
        pytest.fail(f"localcloud does not start:\n{self.output}")

    def serves(self) -> bool:
        """Tell whether it answers and is ready."""
        try:
            return bool(health.ask(self.settings)["status"] == "SERVING")
        except (OSError, ValueError):
            return False

    def stop(self) -> int:
        """Stop it as ctrl-C does, and give its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kill it without a chance to clean up."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Take signals as from a terminal, even if this is a background job of a script, or runs under nohup."""
    inherited = {number: signal.getsignal(number) for number in INTERRUPTS}
    for number in INTERRUPTS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in inherited.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def make_cloud(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Cloud]:
    """Make a localcloud with a state folder and a port of its own; it is not started yet."""

    def make() -> Cloud:
        state = tmp_path_factory.mktemp("localcloud") / "state"
        python = Settings.from_environment().pipeline_python
        return Cloud(Settings(state=state, port=free_port(), pipeline_python=python))

    return make


@pytest.fixture(scope="session")
def mail_sink() -> Iterator[MailSink]:
    """Take the mail that the session's localcloud sends."""
    with MailSink() as sink:
        yield sink


@pytest.fixture(scope="session")
def cloud(make_cloud: Callable[[], Cloud], mail_sink: MailSink) -> Iterator[Cloud]:
    """Give the session's localcloud; from its first use on, the clients of this process are led to it."""
    running = make_cloud()
    running.settings = replace(running.settings, smtp=mail_sink.address)
    running.start()
    with pytest.MonkeyPatch.context() as patch:
        for name in CLEARED:
            patch.delenv(name, raising=False)
        for name, value in running.environment.items():
            patch.setenv(name, value)
        # Google's clients wait up to a second before they look again at what localcloud ends in 0.2 s
        patch.setattr(polling.DEFAULT_POLLING, "_initial", FIRST_POLL_SECONDS)
        try:
            yield running
            assert running.stop() == 0, running.output
        finally:
            running.kill()


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """Let one of the session's workers fill a folder, by its name; the others wait for it and share it."""
    base = tmp_path_factory.getbasetemp()
    # a worker of xdist has a folder of its own in that of the session
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        folder, partial = shared / name, shared / f"{name}.part"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                # what a worker that failed has left
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                fill(partial)
                partial.rename(folder)
        return folder

    return make


def free_port() -> int:
    """Find a port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
