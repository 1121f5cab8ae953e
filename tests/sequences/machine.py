"""A state machine that generates sequences of runs and manual changes on one wine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from airflow.sdk.api.datamodels._generated import AssetEventDagRunReference, DagRunType
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.sequences.airflow.runs import FAILED, SUCCESS, Run
from tests.sequences.bench import Bench
from tests.sequences.trainings import MODELS, SOUND_MODEL
from tests.sequences.world import WRITES, World, death, lost_answer

# choice among several: taken modulo their number, so that shrinking leads to the first
_WHICH = st.integers(0, 7)
_MODELS = st.sampled_from([SOUND_MODEL, SOUND_MODEL, *MODELS])
_ADDRESS = "person@example.com"


class WineMachine(RuleBasedStateMachine):
    """Runs retrainings, rollbacks, drift, killed tasks and manual changes on a wine, in any order."""

    bench: ClassVar[Bench]
    world: World

    @initialize(wine=st.sampled_from(["white", "red"]), champions=st.integers(0, 2).map(lambda few: 2 - few))
    def begin(self, wine: str, champions: int) -> None:
        self.world = self.bench.begin(wine, champions)

    @property
    def _retraining(self) -> bool:
        return any(run.trains for run in self.world.airflow.running())

    @property
    def _rolling_back(self) -> bool:
        return any(not run.trains for run in self.world.airflow.running())

    @rule(model=_MODELS, drift=st.booleans())
    def retrain(self, model: str, drift: bool) -> None:
        if self._retraining:
            return
        if drift:
            self.world.retrain(model, kind=DagRunType.ASSET_TRIGGERED, events=[_drift(self.world)])
        else:
            self.world.retrain(model)

    @rule()
    def roll_back(self) -> None:
        if self._rolling_back:
            return
        self.world.roll_back()

    @rule(which=_WHICH, steps=st.sampled_from([1, 2, 3, 5, 8, 13]))
    def advance(self, which: int, steps: int) -> None:
        run = self._any_run(which)
        for _ in range(steps):
            if ready := run.ready():
                self._step(run, _pick(ready, which))

    @rule(which=_WHICH, task=st.integers(0, 30))
    def advance_until(self, which: int, task: int) -> None:
        run = self._any_run(which)
        until = _pick(run.order, task)
        while (ready := run.ready()) and ready[0] != until:
            self._step(run, ready[0])

    @rule(which=_WHICH, calls=st.integers(0, 6), often=st.integers(1, 3))
    def die(self, which: int, calls: int, often: int) -> None:
        run = self._any_run(which)
        task_id = run.ready()[0]
        for _ in range(often):
            if task_id in run.ready():
                self._step(run, task_id, *death(calls))

    @rule(which=_WHICH, method=st.sampled_from(WRITES))
    def lose_answer(self, which: int, method: str) -> None:
        run = self._any_run(which)
        self._step(run, run.ready()[0], *lost_answer(method))

    @rule(which=_WHICH, task=st.integers(0, 30), below=st.sampled_from([True, True, True, False]))
    def clear(self, which: int, task: int, below: bool) -> None:
        if self.world.airflow.runs:
            run = _pick(self.world.airflow.runs[::-1], which)
            task_id = _pick(run.order, task)
            note(f"{run}: clear {task_id}{' and what is below' if below else ''}")
            self.world.clear(run, task_id, below=below)

    @rule(which=_WHICH, task=st.integers(0, 30), state=st.sampled_from([SUCCESS, FAILED]))
    def mark(self, which: int, task: int, state: str) -> None:
        if self.world.airflow.runs:
            run = _pick(self.world.airflow.runs[::-1], which)
            task_id = _pick(run.order, task)
            note(f"{run}: mark {task_id} {state}")
            self.world.mark(run, task_id, state)

    @rule(which=_WHICH, half=st.booleans())
    def share_out_by_hand(self, which: int, half: bool) -> None:
        if len(ids := self.world.deployed) > 1:
            to, other = _pick(ids, which), _pick(ids, which + 1)
            split = {to: 50, other: 50} if half else {to: 100}
            note(f"a person shares out {split}: {self.world.traffic_split_for(split)}")

    @rule(which=_WHICH)
    def undeploy_by_hand(self, which: int) -> None:
        if ids := self.world.deployed:
            id_ = _pick(ids, which)
            note(f"a person undeploys {id_}: {self.world.undeploy(id_)}")

    @rule(share=st.sampled_from([20, 0, 50]))
    def deploy_other_team(self, share: int) -> None:
        if self.world.journal.state.seen.name:
            note(f"another team takes {share} %: {self.world.deploy_other_team(share)}")

    @rule(act=st.sampled_from(["alias", "version", "job", "recipient", "run", "endpoint"]), which=_WHICH)
    def act_by_hand(self, act: str, which: int) -> None:
        """Make one of the rare manual changes; they share one rule, which keeps them rare."""
        note(f"a person, about the {act}: {getattr(self, f'_{act}')(which)}")

    def _alias(self, which: int) -> str:
        alias = _pick(["champion", "previous"], which)
        if not (versions := self.world.wine.versions()):
            return "there is no version"
        version = _pick(versions, which // 2)
        return f"version {version} is the {alias}: {self.world.move_alias(alias, version)}"

    def _version(self, which: int) -> str:
        if not (versions := self.world.wine.versions()):
            return "there is none"
        version = _pick(versions, which)
        return f"delete {version}: {self.world.delete_version(version)}"

    def _job(self, which: int) -> str:
        return f"delete it: {self.world.delete_monitoring_job()}"

    def _recipient(self, which: int) -> str:
        return f"add one: {self.world.add_recipient(_ADDRESS)}"

    def _run(self, which: int) -> str:
        if not (running := self.world.airflow.running()):
            return "none runs"
        run = _pick(running, which)
        self.world.mark_run_failed(run)
        return f"mark {run} failed"

    def _endpoint(self, which: int) -> str:
        if not self.world.journal.state.seen.name:
            return "there is none"
        return f"delete it: {self.world.delete_endpoint()}"

    @rule(which=_WHICH)
    def settle(self, which: int) -> None:
        """Execute all runs to their end, and check the invariants."""
        while running := self.world.airflow.running():
            run = _pick(running, which)
            self._step(run, run.ready()[0])
        if problems := self.world.problems:
            raise AssertionError("\n".join(problems))

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.settle(1)

    def _any_run(self, which: int) -> Run:
        """Return one of the runs that can continue; start a retraining if there is none."""
        running = self.world.airflow.running()
        return _pick(running, which) if running else self.world.retrain(SOUND_MODEL)

    def _step(self, run: Run, task_id: str, *faults: Any) -> None:
        before = len(self.world.airflow.errors)
        state = self.world.step(run, task_id, *faults)
        told = [" ".join(str(error).split())[:200] for _, _, error in self.world.airflow.errors[before:]]
        note(f"{run}: {task_id} {state}{''.join(f': {text}' for text in told)}")


def _pick(of: list[Any], which: int) -> Any:
    return of[which % len(of)]


def _drift(world: World) -> AssetEventDagRunReference:
    """Return the event by which wine_drift starts a retraining."""
    now = datetime.now(UTC)
    window = {"start_time": (now - timedelta(hours=1)).isoformat(), "end_time": now.isoformat()}
    seen = world.journal.state.seen
    anomaly = {
        "deployed_model_id": next(iter(seen.versions), "1"),
        "objective": "RAW_FEATURE_DRIFT",
        "feature": "ph",
        "distance": 0.9,
        "threshold": 0.3,
        **window,
    }
    extra = {
        "monitoring_job": seen.monitoring_job or "deleted",
        "endpoint": seen.name or "deleted",
        "window_start": window["start_time"],
        "window_end": window["end_time"],
        "anomalies": [anomaly],
    }
    asset = {"name": f"wine_drift_{world.wine.name}", "uri": "x-vertex-ai://drift", "extra": {}}
    event = {
        "asset": asset,
        "extra": extra,
        "source_task_id": None,
        "source_dag_id": None,
        "source_run_id": None,
        "source_map_index": None,
        "source_aliases": [],
        "timestamp": now,
        "partition_key": None,
    }
    return AssetEventDagRunReference.model_validate(event)
