"""Runs commands, or prints them: the one way in which a deployment changes anything."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
INSTALL_GCLOUD = "curl https://sdk.cloud.google.com | bash"


class CommandError(RuntimeError):
    """A command failed or is not there; the message is one line that names it."""


def relative(path: Path) -> str:
    """Return a path as it is written from the repository's folder, where every command runs."""
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else str(path)


class Shell:
    """
    Runs commands in the repository's folder and prints each, quoted for a shell, before it does.

    :param dry_run: print only.
    """

    def __init__(self, dry_run: bool) -> None:
        self.dry_run = dry_run
        self._steps = 0

    def require_gcloud(self) -> None:
        """
        Make sure that there is a gcloud, unless nothing will be run.

        :raises CommandError: the message says how to install it.
        """
        if not self.dry_run and not shutil.which("gcloud"):
            raise CommandError(f"gcloud is not on the PATH; install it with: {INSTALL_GCLOUD}")

    def step(self, title: str) -> None:
        """Say what the commands to come are for."""
        self._steps += 1
        print(f"\n# {self._steps}. {title}" if self._steps > 1 else f"# {self._steps}. {title}", flush=True)

    def say(self, text: str) -> None:
        """Print a remark between commands."""
        print(f"# {text}", flush=True)

    def run(self, *command: str) -> None:
        """
        Run a command that may change something; its output is shown.

        :raises CommandError: it failed.
        """
        self._print(command)
        if not self.dry_run:
            self._execute(command, capture=False)

    def read(self, *command: str, placeholder: str) -> str:
        """
        Run a command that changes nothing and return what it prints.

        :param placeholder: what a dry run takes for it.
        :raises CommandError: it failed.
        """
        self._print(command)
        if self.dry_run:
            return placeholder
        return self._execute(command, capture=True).strip()

    def create_unless(self, there: tuple[str, ...], create: tuple[str, ...]) -> None:
        """
        Run a command only if another one, which looks for what it would make, fails.

        :param there: exits with 0 if the thing exists.
        :param create: makes it.
        :raises CommandError: it could not be made.
        """
        if self.dry_run:
            print(f"{shlex.join(there)} ||\n  {shlex.join(create)}", flush=True)
            return
        self._print(there)
        if self._exit_code(there) == 0:
            self.say("there already")
        else:
            self.run(*create)

    @staticmethod
    def _print(command: tuple[str, ...]) -> None:
        print(shlex.join(command), flush=True)

    @staticmethod
    def _exit_code(command: tuple[str, ...]) -> int:
        return subprocess.run(
            command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, check=False
        ).returncode

    @staticmethod
    def _execute(command: tuple[str, ...], capture: bool) -> str:
        try:
            done = subprocess.run(
                command,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if capture else None,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise CommandError(f"{command[0]}: no such command") from None
        if done.returncode:
            raise CommandError(f"failed with exit code {done.returncode}: {shlex.join(command)}")
        return done.stdout or ""
