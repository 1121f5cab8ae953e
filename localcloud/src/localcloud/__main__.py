"""BigQuery, Cloud Storage and Vertex AI on one machine, for Google's own clients."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys

from localcloud.clients import pki
from localcloud.clients.environment import client_environment, command_environment, shell_script
from localcloud.clients.monitor import JOB_FORMAT, MonitorError, run_window
from localcloud.config import HOST, Settings, SettingsError
from localcloud.errors import StartError
from localcloud.gateway import health
from localcloud.gateway.faults import CODES, MOMENTS, Fault, FaultError, Faults


def up(settings: Settings, arguments: argparse.Namespace) -> int:
    """Serve in the foreground until SIGTERM or SIGINT."""
    from localcloud import server

    logging.basicConfig(level=logging.WARNING, format="localcloud %(levelname)s %(name)s: %(message)s")
    code = asyncio.run(server.run(settings))
    sys.stdout.flush()
    # everything is written; the shutdown of the interpreter and its libraries can take seconds
    os._exit(code)


def env(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print the environment of a client, for ``eval "$(localcloud env)"``."""
    pki.ensure(settings)
    print(shell_script(client_environment(settings) | command_environment(settings)), end="")
    return 0


def status(settings: Settings, arguments: argparse.Namespace) -> int:
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


def fault_add(settings: Settings, arguments: argparse.Namespace) -> int:
    """Make the next calls of a method fail."""
    names = ("method", "calls", "code", "message", "latency", "drop", "crash")
    fault = Fault(**{name: getattr(arguments, name) for name in names})
    Faults(settings.state).add(fault)
    print(fault)
    return 0


def fault_list(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print the faults that are left, one a line."""
    for fault in Faults(settings.state).pending():
        print(fault)
    return 0


def fault_clear(settings: Settings, arguments: argparse.Namespace) -> int:
    """Remove all faults."""
    Faults(settings.state).clear()
    return 0


def monitor_run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Analyse the requests to a monitoring job's models since its last window; print the distances."""
    lines = run_window(settings, arguments.job)
    print("\n".join(lines) or "no requests with features that are watched")
    return 0


COMMANDS = {"up": up, "env": env, "status": status}
FAULT_COMMANDS = {"add": fault_add, "list": fault_list, "clear": fault_clear}


def main(arguments: list[str] | None = None) -> int:
    """
    Run one command.

    :param arguments: arguments of the command line; by default those of this process.
    """
    chosen = _parser().parse_args(arguments)
    # no other user may read the state folder, nor what child processes write to it
    os.umask(0o077)
    try:
        return int(chosen.run(Settings.from_environment(), chosen))
    except (SettingsError, StartError, FaultError, MonitorError) as error:
        print(f"localcloud: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localcloud", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.__doc__).set_defaults(run=command)
    fault = commands.add_parser("fault", help="Let calls go wrong, for tests of clients.")
    actions = fault.add_subparsers(required=True)
    for name, command in FAULT_COMMANDS.items():
        action = actions.add_parser(name, help=command.__doc__)
        action.set_defaults(run=command)
        if command is fault_add:
            _add_fault_arguments(action)
    monitor = commands.add_parser("monitor", help="Do what monitoring jobs do by their schedule.")
    run = monitor.add_subparsers(required=True).add_parser("run", help=monitor_run.__doc__)
    run.add_argument("job", help=JOB_FORMAT)
    run.set_defaults(run=monitor_run)
    return parser


def _add_fault_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("method", help="Service.Method, bigquery.tables.get, storage.objects.get; * is any")
    parser.add_argument("--calls", type=int, default=1, help="how many calls go wrong (%(default)s)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that a call waits first")
    parser.add_argument("--code", choices=CODES, default="", help="answer with this error")
    parser.add_argument("--message", default="", help="say this with the code")
    parser.add_argument("--drop", action="store_true", help="carry it out, then end its connection")
    parser.add_argument("--crash", choices=MOMENTS, default="", help="die before or after carrying it out")


if __name__ == "__main__":
    sys.exit(main())
