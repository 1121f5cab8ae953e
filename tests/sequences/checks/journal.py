"""The history of a wine, from which the expected state follows."""

from __future__ import annotations

from dataclasses import dataclass, field

from vertex_mlops.exceptions import DeployedModelRejectedError

from tests.sequences.airflow.runner import Airflow
from tests.sequences.airflow.runs import SUCCESS, Run
from tests.sequences.wines import Seen, Wine

_STEPS_OF_A_VERDICT = ("traffic", "verify", "roll_back", "deploy", "promote")


@dataclass(frozen=True)
class State:
    """
    The present state of a wine.

    :param seen: its endpoint.
    :param aliases: number of the version by its alias.
    """

    seen: Seen
    aliases: dict[str, str]


@dataclass(frozen=True)
class Promise:
    """
    A version that a run has promoted.

    :param run: which.
    :param version: number of the version.
    """

    run: Run
    version: str


@dataclass
class Journal:
    """
    Records the history of a wine, action by action.

    :param wine: that is followed.
    :param airflow: whose runs act on it.
    :param sound: versions that a verify has passed, or that a person is responsible for: ``wine-white@3``.
    :param others: share of each deployed model of another team, by its id.
    :param promise: version that the last promote set, unless a person has acted since.
    :param previous: the version that a promote has replaced last, unless a person has acted since.
    :param serves: whether a sound model has served, and no person has removed it.
    :param watched: whether a run has updated the monitoring job, and nothing has changed since.
    :param recipients: addresses that a person has added to the monitoring job.
    :param given: the traffic split that a person has set, and the runs that were rolling out then.
    :param violations: that were found at once.
    """

    wine: Wine
    airflow: Airflow
    sound: set[str] = field(default_factory=set)
    others: dict[str, int] = field(default_factory=dict)
    promise: Promise | None = None
    previous: str | None = None
    serves: bool = False
    watched: Run | None = None
    recipients: set[str] = field(default_factory=set)
    given: tuple[dict[str, int], list[Run]] | None = None
    violations: list[str] = field(default_factory=list)
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.state = self.look()
        self._note_serving()

    def look(self) -> State:
        """Read the present state."""
        return State(self.wine.see(), self.wine.aliases())

    def note_step(self, run: Run, task_id: str, errors: int) -> None:
        """
        Record the effects of a task.

        :param run: its run.
        :param task_id: the task that was executed.
        :param errors: how many errors Airflow had seen before.
        """
        before, self.state = self.state, self.look()
        failures = [error for _, _, error in self.airflow.errors[errors:]]
        if task_id.startswith("verify") and (version := version_of(run)):
            if run.tasks[task_id].state == SUCCESS:
                self.sound.add(version)
            elif any(isinstance(error, DeployedModelRejectedError) for error in failures):
                self.sound.discard(version)
        if before.seen.traffic != self.state.seen.traffic:
            self._check_given(run, task_id, before)
            if not run.trains:
                # a rollback cancels the promotion, even if it fails later
                self.promise = None
        if before.aliases.get("champion") != self.state.aliases.get("champion"):
            self._note_promotion(run, before)
        if task_id == "monitor_settled" and run.tasks[task_id].state == SUCCESS:
            self.watched = run
        elif before.seen.traffic != self.state.seen.traffic:
            self.watched = None
        self._check_removed(run, task_id, before)
        self._note_serving()

    def note_person(self, *, sound: tuple[str, ...] = (), shared: bool = False) -> None:
        """
        Record a manual change in Google Cloud: no run is responsible for the earlier state.

        :param sound: versions that the person is responsible for from now on.
        :param shared: whether the person has set the traffic split.
        """
        self.state = self.look()
        self.sound |= set(sound)
        self.promise, self.watched, self.given = None, None, None
        if shared:
            rolling = [run for run in self.airflow.running() if _is_rolling_out(run)]
            self.given = (dict(self.state.seen.traffic), rolling)
        # removed with its share, or given another one
        self.others = {
            id_: self.state.seen.traffic.get(id_, 0) for id_ in self.others if id_ in self.state.seen.versions
        }
        if not self.state.seen.traffic:
            self.serves = False
        self._note_serving()

    def note_mark(self, run: Run, task_id: str, state: str) -> None:
        """Record a manual mark of a task: a person who skips a verdict is responsible for the model."""
        self.promise = None
        self.watched = None
        # what is marked failed is rolled back, unless it is the task that does so
        left_out = state == SUCCESS or task_id == "roll_back"
        if left_out and task_id.startswith(_STEPS_OF_A_VERDICT) and (version := version_of(run)):
            self.sound.add(version)

    def would_go_back_to(self) -> str:
        """Return the version number that a rollback would choose now; empty if it finds none."""
        run = Run(self.airflow.dags[f"wine_rollback_{self.wine.name}"], "only_to_look")
        self.airflow.runs.append(run)
        self.airflow.step(run, "find_previous")
        self.airflow.runs.remove(run)
        return version_of(run).rpartition("@")[2]

    def _note_promotion(self, run: Run, before: State) -> None:
        champion, replaced = self.state.aliases.get("champion"), before.aliases.get("champion")
        if champion is None:
            return
        self.promise = Promise(run, champion)
        self.previous = replaced
        if run.trains and replaced:
            against = self.wine.compared_with(run.result("train")["name"])
            if against != replaced:
                self.violations.append(
                    f"{run} has promoted version {champion} over version {replaced},"
                    f" and it was compared with version {against or 'none'}"
                )

    def _note_serving(self) -> None:
        seen = self.state.seen
        if any(seen.versions.get(id_) in self.sound or id_ in self.others for id_ in seen.traffic):
            self.serves = True

    def _check_given(self, run: Run, task_id: str, before: State) -> None:
        if self.given and before.seen.traffic == self.given[0]:
            own = (run.result("deploy") or {}).get("deployed_model_id")
            if run in self.given[1] and own not in self.given[0]:
                self.violations.append(
                    f"{task_id} of {run} has taken the traffic that a person gave to {before.seen.traffic}:"
                    f" it is {self.state.seen.traffic} now"
                )
            self.given = None

    def _check_removed(self, run: Run, task_id: str, before: State) -> None:
        removed = before.seen.versions.keys() - self.state.seen.versions.keys()
        for other in self.airflow.running():
            own = (other.result("deploy") or {}).get("deployed_model_id")
            # conversely, a rollback may remove a model during its rollout
            if run.trains and not other.trains and own in removed:
                self.violations.append(f"{task_id} of {run} has undeployed {own}, which {other} is deploying")


def version_of(run: Run) -> str:
    """Return the version that a run rolls out, ``wine-white@3``; empty if there is none yet."""
    name = run.result("upload", "model_version") or run.result("find_previous", "model_version") or ""
    return str(name).rpartition("/")[2]


def _is_rolling_out(run: Run) -> bool:
    shifted = any(task_id.startswith("traffic") and run.result(task_id) for task_id in run.tasks)
    return shifted and run.tasks["promote"].state != SUCCESS
