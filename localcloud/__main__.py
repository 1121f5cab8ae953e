"""The command line: ``python -m localcloud up | env | status | wait``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shlex
import sys
import time

from localcloud import health, pki
from localcloud.config import HOST, Settings, SettingsError
from localcloud.environment import CLEARED, client_environment
from localcloud.errors import StartError

WAIT_SECONDS = 120.0
LOOK_SECONDS = 0.2


def up(settings: Settings) -> int:
    """Serve in the foreground until SIGTERM or SIGINT."""
    from localcloud import server

    logging.basicConfig(level=logging.WARNING, format="localcloud %(levelname)s %(name)s: %(message)s")
    return asyncio.run(server.run(settings))


def env(settings: Settings) -> int:
    """Print the environment of a client, for ``eval "$(python -m localcloud env)"``."""
    pki.ensure(settings)
    for name in CLEARED:
        print(f"unset {name}")
    for name, value in client_environment(settings).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def status(settings: Settings) -> int:
    """Print one line about the running localcloud; exit with 0 when it serves and with 1 when not."""
    serves, line = _look(settings)
    print(line)
    return 0 if serves else 1


def wait(settings: Settings) -> int:
    """Wait up to two minutes until localcloud serves, then do as ``status`` does."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not _look(settings)[0] and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return status(settings)


def _look(settings: Settings) -> tuple[bool, str]:
    address = f"http://{HOST}:{settings.port}"
    try:
        report = health.ask(settings)
    except ConnectionRefusedError:
        return False, f"localcloud is not running at {address}"
    except (OSError, ValueError) as error:
        return False, f"localcloud does not answer at {address}: {error}"
    line = f"localcloud {report['status']} {report['project']} at {address}, state {report['state']}"
    return report["status"] == "SERVING", line


COMMANDS = {"up": up, "env": env, "status": status, "wait": wait}


def main(arguments: list[str] | None = None) -> int:
    """
    Run one command.

    :param arguments: arguments of the command line; by default those of this process.
    """
    parser = argparse.ArgumentParser(prog="python -m localcloud", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.__doc__)
    chosen = parser.parse_args(arguments).command
    try:
        return COMMANDS[chosen](Settings.from_environment())
    except (SettingsError, StartError) as error:
        print(f"localcloud: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
