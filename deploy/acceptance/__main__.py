"""Test in a project that Google's services behave as this package expects: ``make acceptance``."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.acceptance.bench import Bench
from deploy.acceptance.probes import DID_NOT_HOLD, HELD, NOT_ASKED, Outcome, answer
from deploy.acceptance.project import Project, ProjectError
from deploy.acceptance.questions import PROBES
from deploy.acceptance.removal import NAME, Removal
from deploy.environments import EnvironmentsError, read_environment
from deploy.local import LOCAL, NoLocalcloudError, lead_to_localcloud
from deploy.terminal.progress import Progress
from deploy.terminal.signals import ignore_interrupts, interrupt_once

_INTERRUPTED = 130
# characters of what a probe saw; its step shows all
_MOST_SEEN = 160
# https://cloud.google.com/vertex-ai/pricing
_COSTS = (
    "one deployed {machine_type} for about half an hour, two runs of a pipeline of one task, some rows in"
    " BigQuery: about one US dollar at list prices"
)


class NotConfirmedError(RuntimeError):
    """Nobody has agreed to the costs."""


def confirm(name: str, project: Project, leftovers: Sequence[str]) -> None:
    """
    Print what will be created and what it costs, and ask for confirmation.

    :param name: of the environment.
    :param project: that is asked.
    :param leftovers: of earlier runs.
    :raises NotConfirmedError: the answer is no, or nobody is there to answer.
    """
    costs = _COSTS.format(machine_type=project.deployed.machine_type)
    print(f"{project.project}, {project.region}: this creates and removes {costs}.")
    print(f"Everything is named {NAME}-...; logs in Cloud Logging stay. It takes about 40 minutes.")
    for leftover in leftovers:
        print(f"Left by an earlier run, or in use by a running one, and will be removed: {leftover}")
    try:
        said = input(f"Type {name} to continue: ")
    except EOFError:
        said = ""
    if said.strip() != name:
        raise NotConfirmedError("nothing was created")


def ask_all(bench: Bench, outcomes: list[Outcome]) -> None:
    """
    Run all probes, in an order in which slow ones run in parallel with quick ones.

    :param bench: the project.
    :param outcomes: gets the outcome of each probe as soon as it is known.
    """
    for probe in PROBES:
        with bench.progress.step(f"{probe.name}: {probe.asks}"):
            outcome = answer(probe, bench)
            outcomes.append(outcome)
            bench.progress.line(f"{outcome.result}: {outcome.seen}")


def table(outcomes: Sequence[Outcome]) -> str:
    """
    Return the outcomes as lines, those not confirmed first.

    :param outcomes: of the probes.
    """
    order = (DID_NOT_HOLD, NOT_ASKED, HELD)
    width = max((len(outcome.name) for outcome in outcomes), default=0)
    lines = [
        f"{outcome.name:{width}}  {outcome.result:{len(NOT_ASKED)}}  {outcome.seen[:_MOST_SEEN]}"
        for outcome in sorted(outcomes, key=lambda outcome: order.index(outcome.result))
    ]
    counts = ", ".join(
        f"{sum(outcome.result == result for outcome in outcomes)} {result}" for result in reversed(order)
    )
    return "\n".join([*lines, counts])


def run(bench: Bench) -> int:
    """
    Run the probes, then remove all resources, even after a failure.

    :param bench: the project.
    :return: exit code.
    """
    outcomes: list[Outcome] = []
    interrupted = False
    try:
        ask_all(bench, outcomes)
    except KeyboardInterrupt:
        interrupted = True
        print("\ninterrupted", flush=True)
    finally:
        ignore_interrupts()
        print(
            "\nRemoving all resources; a running deployment has to end first. ctrl-C is ignored.",
            flush=True,
        )
        problems = bench.removal.run()
    print(f"\n{table(outcomes)}", flush=True)
    for problem in problems:
        print(f"acceptance: not removed: {problem}; run it again, or remove it manually", file=sys.stderr)
    if interrupted:
        return _INTERRUPTED
    return int(bool(problems) or any(outcome.result == DID_NOT_HOLD for outcome in outcomes))


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Test a project.

    :param arguments: without the program's name; those of the process by default.
    :return: 0 if every tested behaviour was confirmed; 1 if not, if a resource could not be removed, or if
        nothing could be tested; 130 after an interrupt.
    """
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    parser = argparse.ArgumentParser(prog="python -m deploy.acceptance", description=__doc__)
    parser.add_argument("environment", metavar="ENV", help="local, or a key of deploy/environments.yaml")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    options = parser.parse_args(arguments)
    interrupt_once()
    # it announces each job that it submits
    logging.getLogger("google.cloud.aiplatform").setLevel(logging.WARNING)
    try:
        if options.environment == LOCAL:
            lead_to_localcloud()
            project = Project.local()
        else:
            project = Project.of(read_environment(options.environment))
        progress = Progress(len(PROBES))
        removal = Removal(project, progress)
        print(f"what is deployed: {project.deployed.image}, served by {project.deployed.server}", flush=True)
        leftovers = removal.found()
        if not options.yes:
            confirm(options.environment, project, leftovers)
        for problem in removal.run() if leftovers else ():
            print(f"acceptance: left by an earlier run, and not removed: {problem}", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="acceptance-") as folder:
            return run(Bench(project, progress, removal, Path(folder)))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (EnvironmentsError, NoLocalcloudError, NotConfirmedError, ProjectError) as error:
        print(f"acceptance: {error}", file=sys.stderr)
    except (GoogleAPIError, GoogleAuthError) as error:
        print(f"acceptance: {' '.join(str(error).split())}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
