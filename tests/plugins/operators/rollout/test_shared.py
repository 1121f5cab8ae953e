"""A rollout at an endpoint that others change meanwhile: a rollback, a person, another team."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from google.api_core.exceptions import ServiceUnavailable
from vertex_mlops.exceptions import EndpointChangedError, EndpointTakenError
from vertex_mlops.operators.rollout.deployment import ShiftTrafficOperator

from tests.plugins.operators.rollout.rollouts import STEPS, Rollout
from tests.plugins.operators.served_models import Models
from tests.support.task_context import context_of


def test_a_rollback_takes_the_traffic_from_a_rollout_which_stops_and_takes_nothing_back(
    rollout: Rollout,
) -> None:
    first = rollout.crown("sound")
    champion = rollout.crown("other")
    new = rollout.deploy(rollout.upload("named"))
    rollout.shift(new, 10)
    rollout.shift(new, 50)

    back = rollout.go_back(first["model_version"])

    assert back["deployed_model_id"] == first["deployed_model_id"]
    for percent in STEPS:
        with pytest.raises(EndpointChangedError, match="somebody else has changed the endpoint"):
            rollout.shift(new, percent)
    with pytest.raises(EndpointChangedError, match="expected all of it"):
        rollout.promote(new["model_version"])
    rollout.roll_back(new["model_version"])
    assert rollout.traffic == {first["deployed_model_id"]: 100}
    assert rollout.deployed == {first["deployed_model_id"], champion["deployed_model_id"]}
    assert rollout.aliases() == {"1": ["champion"], "2": ["previous"], "3": []}


def test_traffic_that_a_person_gave_back_stays_and_the_line_names_who_has_what(rollout: Rollout) -> None:
    champion = rollout.crown("sound")["deployed_model_id"]
    new = rollout.deploy(rollout.upload("other"))
    id_ = new["deployed_model_id"]
    rollout.shift(new, 10)
    rollout.give({champion: 100})

    with pytest.raises(EndpointChangedError) as caught:
        rollout.shift(new, 50)

    name = rollout.name
    assert f"is 100 % to {name} ({name}@1, deployed as {champion}); expected 90 % to {name}" in str(
        caught.value
    )
    assert f"10 % to {name} ({name}@2, deployed as {id_}): somebody else" in str(caught.value)
    assert "\n" not in str(caught.value)
    rollout.roll_back(new["model_version"])
    assert rollout.traffic == {champion: 100}
    assert rollout.deployed == {champion}


def test_a_rollback_of_what_a_person_has_shared_out_moves_the_share_of_the_failed_model_alone(
    rollout: Rollout,
) -> None:
    first = rollout.crown("sound")["deployed_model_id"]
    champion = rollout.crown("other")["deployed_model_id"]
    new = rollout.deploy(rollout.upload("named"))
    rollout.give({first: 30, champion: 30, new["deployed_model_id"]: 40})

    rollout.roll_back(new["model_version"])

    assert rollout.traffic == {first: 30, champion: 70}


@pytest.mark.parametrize("percent", STEPS)
def test_a_step_that_is_cleared_after_later_ones_goes_through_them_again(
    rollout: Rollout, percent: int
) -> None:
    champion = rollout.crown("sound")["deployed_model_id"]
    new = rollout.deploy(rollout.upload("other"))
    id_ = new["deployed_model_id"]
    left = {10: new["traffic"], 50: {id_: 10, champion: 90}, 100: {id_: 50, champion: 50}}
    for step in STEPS:
        rollout.shift(new, step)

    shifted = rollout.shift(new, percent, traffic=left[percent])

    assert shifted["percent"] == rollout.traffic[id_] == percent


def test_what_was_promoted_keeps_its_traffic_when_its_run_is_cleared(rollout: Rollout) -> None:
    rollout.crown("sound")
    second = rollout.crown("other")

    again = rollout.deploy(second["model_version"])
    shifted = [rollout.shift(again, percent)["percent"] for percent in STEPS]
    rollout.promote(second["model_version"])

    assert shifted == [100, 100, 100]
    assert rollout.traffic == {second["deployed_model_id"]: 100}
    assert rollout.aliases() == {"1": ["previous"], "2": ["champion"]}


def test_traffic_that_a_person_took_from_what_was_promoted_is_not_taken_back(rollout: Rollout) -> None:
    first = rollout.crown("sound")["deployed_model_id"]
    second = rollout.crown("other")
    rollout.give({first: 100})

    with pytest.raises(EndpointChangedError, match="expected all of it with the champion"):
        rollout.shift(second, 10)

    assert rollout.traffic == {first: 100}


@pytest.mark.parametrize("share", [0, 20])
def test_a_rollout_does_not_begin_where_neither_the_champion_nor_its_model_serves(
    rollout: Rollout, models: Models, share: int
) -> None:
    """``share``: that of another team's model."""
    first = rollout.crown("sound")["deployed_model_id"]
    rollout.crown("other")
    rollout.give({first: 100})
    if share:
        rollout.deploy_other(models.names["named"], {"0": share, first: 100 - share})
    before = rollout.traffic
    new = rollout.deploy(rollout.upload("named"))

    with pytest.raises(EndpointChangedError, match="expected the champion among them"):
        rollout.shift(new, 10)

    assert rollout.traffic == before


def shifter(rollout: Rollout, deployed: dict[str, Any], percent: int) -> ShiftTrafficOperator:
    return ShiftTrafficOperator(
        task_id="traffic",
        endpoint_name=deployed["endpoint"],
        deployed_model_id=deployed["deployed_model_id"],
        model_version=deployed["model_version"],
        champion_id=deployed["champion_id"],
        traffic=deployed["traffic"],
        percent=percent,
        **rollout.place,
    )


class Interrupted:
    """An endpoint client around whose updates something happens."""

    def __init__(self, client: Any, before: Callable[[], None], lose: bool = False) -> None:
        self._client = client
        self._before = before
        self._lose = lose
        self.updates = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_endpoint(self, **arguments: Any) -> Any:
        self.updates += 1
        if self.updates == 1:
            self._before()
        answer = self._client.update_endpoint(**arguments)
        if self._lose and self.updates == 1:
            raise ServiceUnavailable("the answer was lost")
        return answer


def interrupt(
    monkeypatch: pytest.MonkeyPatch, operator: Any, before: Callable[[], None], lose: bool = False
) -> Interrupted:
    client = Interrupted(operator.client, before, lose)
    monkeypatch.setattr(operator.hook, "get_endpoint_service_client", lambda region: client)
    return client


def test_traffic_that_changes_between_the_look_and_the_update_is_not_overwritten(
    rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rollout.crown("sound")["deployed_model_id"]
    rollout.crown("other")
    new = rollout.deploy(rollout.upload("named"))
    operator = shifter(rollout, new, 10)
    interrupt(monkeypatch, operator, lambda: rollout.give({first: 100}))

    with pytest.raises(EndpointChangedError, match="somebody else has changed the endpoint"):
        operator.execute(context_of(operator))

    assert rollout.traffic == {first: 100}


def test_a_label_that_changes_between_the_look_and_the_update_stops_nothing(
    rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout.crown("sound")
    new = rollout.deploy(rollout.upload("other"))
    operator = shifter(rollout, new, 10)
    endpoint = {"name": new["endpoint"], "labels": {"team": "cellar"}}
    mask = {"paths": ["labels"]}
    client = interrupt(
        monkeypatch,
        operator,
        lambda: rollout.endpoints.update_endpoint(endpoint=endpoint, update_mask=mask) and None,
    )

    assert operator.execute(context_of(operator))["percent"] == 10
    assert client.updates == 2
    assert dict(rollout.endpoint().labels) == {"team": "cellar"}


def test_models_of_others_keep_their_share_and_stay_deployed(rollout: Rollout, models: Models) -> None:
    champion = rollout.crown("sound")["deployed_model_id"]
    other = rollout.deploy_other(models.names["named"], {"0": 20, champion: 80})
    new = rollout.deploy(rollout.upload("other"))
    id_ = new["deployed_model_id"]

    seen = [(rollout.shift(new, percent)["percent"], rollout.traffic) for percent in STEPS]
    rollout.promote(new["model_version"])
    rollout.retire(new)

    assert seen == [
        (8, {other: 20, id_: 8, champion: 72}),
        (40, {other: 20, id_: 40, champion: 40}),
        (80, {other: 20, id_: 80}),
    ]
    assert rollout.deployed == {other, id_}


def test_a_model_of_others_without_traffic_stays_deployed(rollout: Rollout, models: Models) -> None:
    champion = rollout.crown("sound")["deployed_model_id"]
    other = rollout.deploy_other(models.names["named"], {champion: 100})
    new = rollout.crown("other")

    rollout.retire(new)

    assert rollout.deployed == {other, new["deployed_model_id"]}


def test_a_failed_model_gives_its_share_to_the_champion_and_not_to_others(
    rollout: Rollout, models: Models
) -> None:
    champion = rollout.crown("sound")["deployed_model_id"]
    other = rollout.deploy_other(models.names["named"], {"0": 20, champion: 80})
    new = rollout.deploy(rollout.upload("other"))
    rollout.shift(new, 50)

    rollout.roll_back(new["model_version"], rejections=["it answers nonsense"])

    assert rollout.traffic == {other: 20, champion: 80}
    assert rollout.deployed == {other, champion}


@pytest.mark.parametrize("share", [0, 20])
def test_a_first_model_that_was_rejected_beside_others_leaves_them_as_they_are(
    rollout: Rollout, models: Models, share: int
) -> None:
    new = rollout.deploy(rollout.upload("sound"))
    rollout.shift(new, 100)
    split = {new["deployed_model_id"]: 100 - share} | ({"0": share} if share else {})
    other = rollout.deploy_other(models.names["named"], split)

    rollout.roll_back(new["model_version"], rejections=["it answers nonsense"])

    assert rollout.deployed == {other}
    assert rollout.traffic == ({other: 100} if share else {})


def test_an_endpoint_whose_traffic_belongs_to_others_is_refused_before_anything_is_deployed(
    rollout: Rollout, models: Models
) -> None:
    champion = rollout.crown("sound")["deployed_model_id"]
    other = rollout.deploy_other(models.names["named"], {"0": 100})
    version = rollout.upload("other")

    with pytest.raises(
        EndpointTakenError, match=rf"100 % to vinegar \(.*, deployed as {other}\): they keep it"
    ):
        rollout.deploy_once(version)

    assert rollout.deployed == {champion, other}


def test_what_another_run_has_just_deployed_is_not_retired(rollout: Rollout) -> None:
    rollout.crown("sound")
    champion = rollout.crown("other")
    new = rollout.deploy(rollout.upload("named"))

    rollout.retire(champion)

    assert rollout.deployed == {champion["deployed_model_id"], new["deployed_model_id"]}


def test_the_previous_model_is_not_retired_while_a_rollback_is_under_way(rollout: Rollout) -> None:
    first = rollout.crown("sound")
    second = rollout.crown("other")

    rollout.retire(second, rollbacks=1)

    assert rollout.deployed == {first["deployed_model_id"], second["deployed_model_id"]}


def test_after_a_rollback_the_model_that_was_left_is_retired_by_the_rollback_alone(rollout: Rollout) -> None:
    first = rollout.crown("sound")
    second = rollout.crown("other")
    rollout.go_back(first["model_version"])

    with pytest.raises(AirflowSkipException, match="is not the champion"):
        rollout.retire(second)
    rollout.retire(first)

    assert rollout.deployed == {first["deployed_model_id"]}


def test_a_try_whose_answer_was_lost_finds_its_own_result(
    rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = rollout.crown("sound")["deployed_model_id"]
    new = rollout.deploy(rollout.upload("other"))
    operator = shifter(rollout, new, 10)
    client = interrupt(monkeypatch, operator, lambda: None, lose=True)

    with pytest.raises(ServiceUnavailable):
        operator.execute(context_of(operator))

    assert operator.execute(context_of(operator))["traffic"] == {new["deployed_model_id"]: 10, champion: 90}
    assert client.updates == 1
