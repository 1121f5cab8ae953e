"""One sequence: runs and manual changes on a wine, one action after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.gateway.faults import Fault, Faults
from tests.sequences.airflow.runner import Airflow
from tests.sequences.airflow.runs import FAILED, Run
from tests.sequences.checks.invariants import broken
from tests.sequences.checks.journal import Journal, Promise, version_of
from tests.sequences.people import OTHER_TEAM, Person
from tests.sequences.wines import Wine

_MOST_STEPS = 200
_MOST_CALLS = 10_000
# of a retraining; their results decide the result of the training
_READ_THE_SPEC = ("check_data", "train")
# a call of any service except PredictionService, whose errors verify counts as the model's
_ANY_CALL = "?[!r]*"
# calls that change something, whose response may be lost
WRITES = (
    "EndpointService.CreateEndpoint",
    "EndpointService.UpdateEndpoint",
    "EndpointService.DeployModel",
    "EndpointService.UndeployModel",
    "ModelService.UploadModel",
    "ModelService.UpdateModel",
    "ModelService.MergeVersionAliases",
    "JobService.CreateModelDeploymentMonitoringJob",
    "JobService.UpdateModelDeploymentMonitoringJob",
    "PipelineService.CreatePipelineJob",
)


@dataclass
class World:
    """
    A wine, Airflow, a person, and the journal of their actions.

    A manual change that Google rejects is skipped, and the method returns False.

    :param wine: that the sequence is about.
    :param airflow: whose runs act on it.
    :param faults: the fault switch of localcloud.
    :param count: called for each executed task and each manual change.
    """

    wine: Wine
    airflow: Airflow
    faults: Faults
    count: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.journal = Journal(self.wine, self.airflow)
        self.person = Person(self.wine)

    def take_for_sound(self) -> None:
        """Accept the results of the runs up to this state."""
        runs = self.airflow.runs
        self.journal.sound |= {version_of(run) for run in runs}
        if runs:
            self.journal.promise = Promise(runs[-1], version_of(runs[-1]).rpartition("@")[2])
            self.journal.watched = runs[-1]
        self.journal.previous = self.journal.state.aliases.get("previous")
        self.journal.serves = bool(runs)

    @property
    def problems(self) -> list[str]:
        """Return all violated invariants; call it when nothing runs."""
        return broken(self.journal)

    @property
    def deployed(self) -> list[str]:
        """Return the ids of the deployed models, the oldest first."""
        return list(self.journal.state.seen.versions)

    def retrain(self, model: str, **more: Any) -> Run:
        """
        Trigger a retraining.

        :param model: result of the training, one of MODELS of tests/sequences/trainings.py.
        :param more: other fields of the run.
        """
        dag = self.airflow.dags[f"wine_retraining_{self.wine.name}"]
        return self.airflow.add(Run(dag, self._new_id(), trains=model, **{"conf": {"force": True}, **more}))

    def roll_back(self) -> Run:
        """Trigger a rollback."""
        return self.airflow.add(Run(self.airflow.dags[f"wine_rollback_{self.wine.name}"], self._new_id()))

    def step(self, run: Run, task_id: str, *faults: Fault) -> str | None:
        """
        Execute a task once, and return its state.

        :param run: its run.
        :param task_id: of the task.
        :param faults: that happen to its calls.
        """
        if task_id in _READ_THE_SPEC:
            self.wine.publish(run.trains)
        errors = len(self.airflow.errors)
        try:
            for fault in faults:
                self.faults.add(fault)
            state = self.airflow.step(run, task_id)
        finally:
            self.faults.clear()
        self.count()
        self.journal.note_step(run, task_id, errors)
        return state

    def advance(self, run: Run, until: str = "") -> None:
        """
        Execute the next tasks of a run.

        :param run: which.
        :param until: the task before which to stop; to the end by default.
        """
        for _ in range(_MOST_STEPS):
            ready = run.ready()
            if not ready or until in ready:
                return
            self.step(run, ready[0])
        raise AssertionError(f"{run} does not end: {run.states}")

    def finish(self) -> None:
        """Execute all remaining tasks, one run after the other."""
        while running := self.airflow.running():
            self.advance(running[0])

    def clear(self, run: Run, task_id: str, *, below: bool = True) -> None:
        """Clear a task, and by default its downstream tasks; without these, a person is responsible."""
        self.count()
        if not below and (version := version_of(run)):
            self.journal.sound.add(version)
        self.airflow.clear(run, [task_id, *(run.below(task_id) if below else [])])

    def mark(self, run: Run, task_id: str, state: str) -> None:
        """Mark a task success or failed."""
        self.count()
        self.airflow.mark(run, task_id, state)
        self.journal.note_mark(run, task_id, state)

    def mark_run_failed(self, run: Run) -> None:
        """Mark a run failed."""
        self.count()
        self.airflow.mark_run_failed(run)
        # its model keeps its share: docs/rollout.md
        self.journal.note_mark(run, "roll_back", FAILED)

    def traffic_split_for(self, split: dict[str, int]) -> bool:
        """Set the traffic split by hand."""
        done = self.person.give_traffic(split)
        if done:
            self.count()
            versions = self.journal.state.seen.versions
            self.journal.note_person(sound=tuple(versions[id_] for id_ in split), shared=True)
        return done

    def undeploy(self, deployed_model_id: str) -> bool:
        """Undeploy a model by hand; its traffic goes to the others."""
        done = self.person.undeploy(deployed_model_id)
        if done:
            self.count()
            left = self.journal.look().seen
            self.journal.note_person(sound=tuple(left.versions[id_] for id_ in left.traffic))
        return done

    def deploy_other_team(self, share: int) -> bool:
        """Deploy a model of another team to the endpoint."""
        id_ = self.person.deploy(f"{self.wine.parent}/models/{OTHER_TEAM}", share)
        if id_:
            self.count()
            self.journal.others[id_] = share
            self.journal.note_person()
        return bool(id_)

    def move_alias(self, alias: str, version: str) -> bool:
        """Set an alias on a version by hand."""
        done = self.person.move_alias(alias, version)
        if done:
            self.count()
            self.journal.previous = None
            # a person who makes a version the champion wants it to serve
            self.journal.note_person(sound=(f"wine-{self.wine.name}@{version}",) * (alias == "champion"))
        return done

    def delete_version(self, version: str) -> bool:
        """Delete a version by hand."""
        done = self.person.delete_version(version)
        if done:
            self.count()
            self.journal.previous = None
            self.journal.note_person()
        return done

    def delete_monitoring_job(self) -> bool:
        """Delete the monitoring job by hand."""
        done = self.person.delete_monitoring_job()
        if done:
            self.count()
            self.journal.recipients.clear()
            self.journal.watched = None
        return done

    def add_recipient(self, address: str) -> bool:
        """Add an address to the monitoring job by hand."""
        done = self.person.add_recipient(address)
        if done:
            self.count()
            self.journal.recipients.add(address)
        return done

    def delete_endpoint(self) -> bool:
        """Delete the endpoint, with all that is deployed to it, by hand."""
        done = self.person.delete_endpoint()
        self.count()
        self.journal.recipients.clear()
        self.journal.note_person()
        return done

    def _new_id(self) -> str:
        return f"run_{len(self.airflow.runs) + 1}"


def death(after: int) -> list[Fault]:
    """
    Kill a task between two of its calls.

    :param after: how many calls still succeed.
    """
    # a killed task makes no more calls
    dies = Fault(_ANY_CALL, calls=_MOST_CALLS, code="PERMISSION_DENIED", message="the task dies here")
    # a fault that only adds latency lets its calls through
    return [Fault(_ANY_CALL, calls=after, latency=1e-6), dies] if after else [dies]


def lost_answer(method: str) -> list[Fault]:
    """Make a call lose its response after it was carried out."""
    return [Fault(method, drop=True)]
