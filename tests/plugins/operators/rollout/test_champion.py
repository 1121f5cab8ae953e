"""A verdict is about one champion: what happens when the registry has another one by the time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from vertex_mlops.exceptions import ChampionChangedError, EndpointChangedError
from vertex_mlops.operators.rollout.gate import BlessedModelGateOperator
from vertex_mlops.operators.rollout.model_registry import (
    GetPreviousModelVersionOperator,
    PromoteModelVersionOperator,
)
from vertex_mlops.runs.pipeline_results import PipelineResult

from tests.plugins.operators.rollout.rollouts import Rollout, await_jobs
from tests.support.task_context import context_of


def gate(rollout: Rollout, outcome: PipelineResult) -> tuple[dict[str, Any], Any]:
    operator = BlessedModelGateOperator(task_id="gate", pipeline_result=outcome, **rollout.place)
    context = context_of(operator)
    try:
        return operator.execute(context), None
    except AirflowSkipException:
        return {}, context["ti"].xcoms["skipped_because"]


def test_a_verdict_against_the_champion_passes_with_its_name(rollout: Rollout) -> None:
    champion = rollout.numbered(rollout.crown("sound")["model_version"])

    passed, reason = gate(rollout, rollout.outcome("other", champion_version=champion))

    assert reason is None
    assert passed == {"metrics": {"mad": 0.5}, "champion_version": champion}


def test_a_verdict_against_the_champion_of_before_is_skipped_and_says_what_to_do(rollout: Rollout) -> None:
    before = rollout.crown("sound")["model_version"]
    champion = rollout.crown("other")["model_version"]

    _, reason = gate(rollout, rollout.outcome("named", champion_version=before))

    assert reason == (
        f"blessed against {before}, but by now the champion is {rollout.numbered(champion)}:"
        " trigger a new run with force to compare with that"
    )


def test_the_run_that_made_the_champion_passes_again(rollout: Rollout) -> None:
    before = rollout.crown("sound")["model_version"]
    rollout.crown("other")
    own = rollout.results["other"] | {"champion_version": before}

    passed, reason = gate(rollout, own)  # type: ignore[arg-type]

    assert (passed["champion_version"], reason) == (before, None)


@pytest.mark.parametrize("compared", [None, ""])
def test_a_verdict_that_names_no_version_of_the_registry_passes_the_gate(
    rollout: Rollout, compared: str | None
) -> None:
    rollout.crown("sound")

    passed, reason = gate(rollout, rollout.outcome("other", champion_version=compared))

    assert (passed["champion_version"], reason) == (compared, None)


@pytest.mark.parametrize("first", [True, False])
def test_an_old_run_that_is_cleared_deploys_nothing(rollout: Rollout, first: bool) -> None:
    """``first``: its model was compared with no version."""
    old = rollout.upload("named")
    before = rollout.crown("sound")["model_version"]
    rollout.crown("other")
    deployed, traffic = rollout.deployed, rollout.traffic

    with pytest.raises(AirflowSkipException, match="trigger a new run"):
        rollout.deploy(old, champion_version="" if first else before)

    assert (rollout.deployed, rollout.traffic) == (deployed, traffic)


def test_a_verdict_that_grows_old_during_the_rollout_shifts_and_promotes_nothing(rollout: Rollout) -> None:
    before = rollout.crown("sound")
    compared = before["model_version"]
    new = rollout.deploy(rollout.upload("other"), champion_version=compared)
    third = rollout.upload("named")
    rollout.registry.merge_version_aliases(name=third, version_aliases=["champion"])

    with pytest.raises(ChampionChangedError, match=r"by now it is .*@3: trigger a new run"):
        rollout.deploy(new["model_version"], champion_version=compared)
    with pytest.raises(ChampionChangedError):
        rollout.shift(new, 10, champion_version=compared)
    with pytest.raises(ChampionChangedError):
        rollout.promote(new["model_version"], champion_version=compared)

    assert rollout.traffic == {before["deployed_model_id"]: 100}
    assert rollout.aliases() == {"1": [], "2": [], "3": ["champion"]}


def test_a_deployment_under_way_when_the_verdict_grows_old_is_not_left_behind(
    rollout: Rollout,
) -> None:
    compared = rollout.crown("sound")["model_version"]
    new, third = rollout.upload("other"), rollout.upload("named")
    machine = {"machine_spec": {"machine_type": "n1-standard-2"}, "min_replica_count": 1}
    rollout.endpoints.deploy_model(
        endpoint=rollout.endpoint().name, deployed_model={"model": new, "dedicated_resources": machine}
    )
    rollout.registry.merge_version_aliases(name=third, version_aliases=["champion"])

    # fails, so that roll_back takes away what is deployed; a skip would leave it
    with pytest.raises(ChampionChangedError, match="trigger a new run"):
        rollout.deploy(new, champion_version=compared)


def test_a_finished_run_that_is_cleared_changes_nothing(rollout: Rollout) -> None:
    compared = rollout.crown("sound")["model_version"]
    second = rollout.crown("other")

    since = rollout.registry.get_model(name=second["model_version"]).labels["champion_since"]
    assert rollout.upload("other") == second["model_version"]
    again = rollout.deploy(second["model_version"], champion_version=compared)
    rollout.shift(again, 10, champion_version=compared)
    rollout.promote(second["model_version"], champion_version=compared)

    assert rollout.registry.get_model(name=second["model_version"]).labels["champion_since"] == since
    assert rollout.traffic == {second["deployed_model_id"]: 100}
    assert rollout.aliases() == {"1": ["previous"], "2": ["champion"]}


def test_a_version_without_the_traffic_is_not_promoted(rollout: Rollout) -> None:
    rollout.crown("sound")
    new = rollout.deploy(rollout.upload("other"))
    rollout.shift(new, 50)

    with pytest.raises(EndpointChangedError, match="the champion stays"):
        rollout.promote(new["model_version"])

    assert rollout.aliases() == {"1": ["champion"], "2": []}


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def promote_and_die(rollout: Rollout, version: str, calls: int) -> None:
    """Promote a version, and die behind some of the calls that it takes."""
    operator = PromoteModelVersionOperator(
        task_id="promote", model_version=version, endpoint_name=rollout.endpoint().name, **rollout.place
    )
    client, left = operator.models, [calls]

    class Dying:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def merge_version_aliases(self, **arguments: Any) -> None:
            client.merge_version_aliases(**arguments)
            left[0] -= 1
            if not left[0]:
                raise Killed

    operator.models = Dying()
    with pytest.raises(Killed):
        operator.execute(context_of(operator))


def choose(rollout: Rollout, triggered: datetime | None = None) -> dict[str, Any]:
    await_jobs(rollout)
    operator = GetPreviousModelVersionOperator(
        task_id="find_previous", pipeline_job_labels={"wine": rollout.name}, **rollout.place
    )
    context = context_of(operator)
    context["dag_run"].run_after = triggered or datetime.now(UTC)
    return operator.execute(context)


def test_a_click_means_the_champion_of_its_moment(rollout: Rollout) -> None:
    first = rollout.crown("sound")
    rollout.crown("other")
    clicked = datetime.now(UTC)
    rollout.go_back(choose(rollout, clicked)["model_version"])

    with pytest.raises(AirflowSkipException, match=r"@1 has become the champion after this run"):
        choose(rollout, clicked)

    assert rollout.traffic == {first["deployed_model_id"]: 100}
    assert choose(rollout)["model_version"] == rollout.numbered(f"{rollout.parent}/models/{rollout.name}@2")


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_a_promotion_that_dies_in_between_is_completed_by_its_retry(rollout: Rollout, calls: int) -> None:
    rollout.crown("sound")
    rollout.crown("other")
    new = rollout.deploy(rollout.upload("named"))
    rollout.shift(new, 100)

    promote_and_die(rollout, new["model_version"], calls)
    rollout.promote(new["model_version"])

    assert rollout.aliases() == {"1": [], "2": ["previous"], "3": ["champion"]}


@pytest.mark.parametrize(("calls", "way_back"), [(1, ("2", "1")), (2, ("3", "2")), (3, ("3", "2"))])
def test_a_promotion_that_dies_for_good_loses_no_way_back(
    rollout: Rollout, calls: int, way_back: tuple[str, str]
) -> None:
    rollout.crown("sound")
    rollout.crown("other")
    new = rollout.deploy(rollout.upload("named"))
    rollout.shift(new, 100)

    promote_and_die(rollout, new["model_version"], calls)
    if calls == 1:
        rollout.roll_back(new["model_version"])

    chosen = choose(rollout)
    assert tuple(chosen[key].rpartition("@")[2] for key in ("left", "model_version")) == way_back


def test_the_next_promotion_ends_well_after_one_that_died_for_good(rollout: Rollout) -> None:
    rollout.crown("sound")
    second = rollout.deploy(rollout.upload("other"))
    rollout.shift(second, 100)
    promote_and_die(rollout, second["model_version"], 1)
    rollout.roll_back(second["model_version"])

    rollout.crown("named")

    assert rollout.aliases() == {"1": ["previous"], "2": [], "3": ["champion"]}
