"""Start the stack and leave it running: ``make up``."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

from deploy.terminal.progress import Progress
from dev.demo.publish import Compilation
from dev.demo.wine_data import load_wine
from dev.stack.guard import guarded, stopping
from dev.stack.ownership import clear_killed, owned, stop_leftovers
from dev.stack.settings import LOCAL, StackSettings
from dev.stack.stack import Stack
from localcloud.config import DEFAULT_PORT

WINES = ("white", "red")


def up(root: Path) -> None:
    """
    Start the stack if it is not running, load data and pipelines, and leave it running.

    :param root: folder of the stack.
    """
    settings = StackSettings(root=root)
    stack = Stack(settings, Progress(total=3))
    with owned(root):
        clear_killed(root.parent, stack.progress.line)
        settings.activate()
        if stack.is_healthy():
            print("Already running.")
        else:
            stop_leftovers(root, stack.progress.line)
            with stopping(stack, keep=True):
                _fill(stack)
    _tell(settings)


def _fill(stack: Stack) -> None:
    settings, progress = stack.settings, stack.progress
    with ExitStack() as running:
        compilations = [running.enter_context(Compilation(settings, progress, wine)) for wine in WINES]
        with progress.step("Start localcloud and Airflow"):
            stack.start()
        with progress.step("Load the white and red wines into BigQuery, if they are missing"):
            for wine in WINES:
                progress.line(load_wine(settings, wine))
        with progress.step("Upload the pipelines, compiled in the background"):
            for compilation in compilations:
                progress.line(f"{compilation.publish()} uploaded")


def _tell(settings: StackSettings) -> None:
    prefix = f"LOCALCLOUD_PORT={settings.cloud_port} " if settings.cloud_port != DEFAULT_PORT else ""
    print(f"\nAirflow: {settings.airflow_url}   (trigger wine_retraining_white there)")
    print(f'Google clients and curl: eval "$({prefix}make -s env)"')
    print("Stop it with: make down")


if __name__ == "__main__":
    sys.exit(guarded("make up", lambda: up(LOCAL / "up")))
