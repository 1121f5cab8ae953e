"""Run or print commands: the only way in which a deployment changes anything."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from deploy import REPOSITORY

INSTALL_GCLOUD = "curl https://sdk.cloud.google.com | bash"
# gcloud's describe, gcloud storage buckets describe, bq show, gcloud storage ls and cat
_MISSING = re.compile(r"NOT_FOUND|[Nn]ot found: |matched no objects")


class CommandError(RuntimeError):
    """A command failed or does not exist; the message is one line that names it."""


def relative(path: Path) -> str:
    """Return a path relative to the repository's folder, where every command runs."""
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
        Check that gcloud is installed, unless nothing will be run.

        :raises CommandError: the message says how to install it.
        """
        if not self.dry_run and not shutil.which("gcloud"):
            raise CommandError(f"gcloud is not on the PATH; install it with: {INSTALL_GCLOUD}")

    def step(self, title: str) -> None:
        """Print the purpose of the next commands."""
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

        :param placeholder: its value in a dry run.
        :raises CommandError: it failed.
        """
        self._print(command)
        if self.dry_run:
            return placeholder
        return self._execute(command, capture=True).strip()

    def look(self, *command: str) -> str | None:
        """
        Run a command that reads a resource and return its output.

        :return: None if there is no such resource, or in a dry run.
        :raises CommandError: it failed for another reason, an expired login for example.
        """
        self._print(command)
        if self.dry_run:
            return None
        done = self._start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode == 0:
            return done.stdout.strip()
        # bq says it on stdout
        said = f"{done.stdout}{done.stderr}".strip()
        if _MISSING.search(said):
            return None
        print(said, file=sys.stderr)
        raise self._failure(command, done.returncode)

    def create_unless(self, there: tuple[str, ...], create: tuple[str, ...]) -> None:
        """
        Run a command only if another one does not find the resource that it creates.

        :param there: reads the resource.
        :param create: creates it.
        :raises CommandError: it could not be read or created.
        """
        if self.dry_run:
            print(f"{shlex.join(there)} ||\n  {shlex.join(create)}", flush=True)
            return
        if self.look(*there) is None:
            self.run(*create)
        else:
            self.say("there already")

    @staticmethod
    def _print(command: tuple[str, ...]) -> None:
        print(shlex.join(command), flush=True)

    def _execute(self, command: tuple[str, ...], capture: bool) -> str:
        done = self._start(command, stdout=subprocess.PIPE if capture else None, stderr=None)
        if done.returncode:
            raise self._failure(command, done.returncode)
        return done.stdout or ""

    @staticmethod
    def _start(
        command: tuple[str, ...], stdout: int | None, stderr: int | None
    ) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                command,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise CommandError(f"{command[0]}: no such command") from None

    @staticmethod
    def _failure(command: tuple[str, ...], code: int) -> CommandError:
        return CommandError(f"failed with exit code {code}: {shlex.join(command)}")
