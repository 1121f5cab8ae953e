"""The command line: ``python -m localcloud up | env | status``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys

from localcloud import health, pki
from localcloud.config import HOST, Settings, SettingsError
from localcloud.environment import client_environment, shell_script
from localcloud.errors import StartError


def up(settings: Settings) -> int:
    """Serve in the foreground until SIGTERM or SIGINT."""
    from localcloud import server

    logging.basicConfig(level=logging.WARNING, format="localcloud %(levelname)s %(name)s: %(message)s")
    return asyncio.run(server.run(settings))


def env(settings: Settings) -> int:
    """Print the environment of a client, for ``eval "$(python -m localcloud env)"``."""
    pki.ensure(settings)
    print(shell_script(client_environment(settings)), end="")
    return 0


def status(settings: Settings) -> int:
    """Print one line about the running localcloud; exit with 0 when it serves and with 1 when not."""
    address = f"http://{HOST}:{settings.port}"
    try:
        report = health.ask(settings)
    except ConnectionRefusedError:
        print(f"localcloud is not running at {address}")
        return 1
    except (OSError, ValueError) as error:
        print(f"localcloud does not answer at {address}: {error}")
        return 1
    print(f"localcloud {report['status']} {report['project']} at {address}, state {report['state']}")
    return 0 if report["status"] == "SERVING" else 1


COMMANDS = {"up": up, "env": env, "status": status}


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
