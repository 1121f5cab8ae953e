"""``python -m dev.lanes TARGET...``: run targets of the Makefile in parallel."""

from __future__ import annotations

import argparse
import sys

from dev.lanes.durations import write_durations
from dev.lanes.run import Run
from dev.stack.guard import guarded


def main() -> None:
    """
    Run the lanes that the command line names.

    :raises LanesFailedError: a lane failed.
    """
    parser = argparse.ArgumentParser(prog="python -m dev.lanes", description=__doc__)
    parser.add_argument("targets", nargs="+", help="targets of the Makefile")
    parser.add_argument("--renew", action="store_true", help="update dev/lanes/durations.json if all pass")
    arguments = parser.parse_args()
    run = Run(arguments.targets)
    run()
    if arguments.renew:
        write_durations(run.measured(), run.ran())


if __name__ == "__main__":
    sys.exit(guarded("make", main))
