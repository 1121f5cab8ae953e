"""Deploy the work tree to a Managed Airflow (Cloud Composer) environment: ``make deploy ENV=dev``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from deploy.composer.environment import ComposerError
from deploy.composer.sync import SyncError
from deploy.deployment import DeployError, Deployment
from deploy.environments import EnvironmentsError, read_environment
from deploy.terminal.shell import CommandError, Shell
from deploy.wines.wine_tables import WineTablesError


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Deploy.

    :param arguments: without the program's name; those of the process by default.
    :return: 0; 1 if the deployment stopped.
    """
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    parser.add_argument("environment", metavar="ENV", help="dev, prod: a key of deploy/environments.yaml")
    parser.add_argument("--dry-run", action="store_true", help="print every command, run none")
    parser.add_argument(
        "--yes", action="store_true", help="do not ask for confirmation: the approval was given elsewhere"
    )
    options = parser.parse_args(arguments)
    try:
        environment = read_environment(options.environment)
        Deployment(options.environment, environment, Shell(options.dry_run)).run(confirmed=options.yes)
    except (CommandError, ComposerError, DeployError, EnvironmentsError, SyncError, WineTablesError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
