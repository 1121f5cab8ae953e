"""How a rollout ends: the new model is promoted and others retire, or it is rolled back."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from vertex_mlops.exceptions import EndpointChangedError

from tests.plugins.operators.rollout.rollouts import Rollout


def test_the_champion_of_before_is_the_previous_one(rollout: Rollout) -> None:
    rollout.crown("sound")
    second = rollout.crown("other")

    rollout.promote(second["model_version"])

    assert rollout.aliases() == {"1": ["previous"], "2": ["champion"]}


def test_what_a_rollback_leaves_is_the_previous_one(rollout: Rollout) -> None:
    first = rollout.crown("sound")
    rollout.crown("other")

    rollout.go_back(first["model_version"])
    rollout.promote(first["model_version"])

    assert rollout.aliases() == {"1": ["champion"], "2": ["previous"]}


@pytest.mark.parametrize("keep_previous", [True, False])
def test_models_without_traffic_are_undeployed_but_for_the_previous_one_if_it_is_kept(
    rollout: Rollout, keep_previous: bool
) -> None:
    first = rollout.crown("sound")["deployed_model_id"]
    second = rollout.crown("other")["deployed_model_id"]
    third = rollout.crown("named")

    deployed = rollout.retire(third, keep_previous=keep_previous)

    kept = {third["deployed_model_id"]} | ({second} if keep_previous else set())
    assert set(deployed) == rollout.deployed == kept
    assert first not in kept
    assert len(rollout.versions()) == 3


@pytest.mark.parametrize("percent", [0, 10, 100])
def test_a_model_that_failed_gives_all_traffic_back_and_is_undeployed(rollout: Rollout, percent: int) -> None:
    champion = rollout.crown("sound")
    new = rollout.deploy(rollout.upload("other"))
    if percent:
        rollout.shift(new, percent)

    for _ in range(2):
        outcome = rollout.roll_back(new["model_version"])
        assert outcome == {
            "champion_id": champion["deployed_model_id"],
            "champion": rollout.numbered(champion["model_version"]),
        }

    assert rollout.traffic == {champion["deployed_model_id"]: 100}
    assert rollout.deployed == {champion["deployed_model_id"]}
    assert rollout.aliases() == {"1": ["champion"], "2": []}


@pytest.mark.parametrize("rejections", [("it answers nonsense", None), ("", "it is slow"), (None, None)])
def test_a_first_model_that_was_rejected_or_never_verified_does_not_serve(
    rollout: Rollout, rejections: tuple[str | None, ...]
) -> None:
    new = rollout.deploy(rollout.upload("sound"))
    rollout.shift(new, 100)

    assert rollout.roll_back(new["model_version"], rejections=rejections)["champion_id"] is None

    assert rollout.deployed == set()


def test_a_first_model_that_was_verified_serves_on_whatever_fails_behind_that(rollout: Rollout) -> None:
    new = rollout.deploy(rollout.upload("sound"))
    rollout.shift(new, 100)

    with pytest.raises(AirflowSkipException, match="was verified, and no other version"):
        rollout.roll_back(new["model_version"], rejections=["", None])

    assert rollout.traffic == {new["deployed_model_id"]: 100}


def test_a_champion_that_is_gone_is_deployed_again_before_the_last_model_goes(rollout: Rollout) -> None:
    champion = rollout.crown("sound")
    new = rollout.deploy(rollout.upload("other"))
    rollout.shift(new, 10)
    rollout.take_away(champion["deployed_model_id"], {new["deployed_model_id"]: 100})

    with pytest.raises(EndpointChangedError, match="is gone"):
        rollout.shift(new, 50)
    back = rollout.roll_back(new["model_version"], rejections=["it answers nonsense"])

    assert back["champion"] == rollout.numbered(champion["model_version"])
    assert rollout.deployed == {back["champion_id"]}
    assert rollout.traffic == {back["champion_id"]: 100}


def test_what_has_become_champion_is_not_taken_back(rollout: Rollout) -> None:
    champion = rollout.crown("sound")

    with pytest.raises(AirflowSkipException, match="is the champion: it stays"):
        rollout.roll_back(champion["model_version"])

    assert rollout.traffic == {champion["deployed_model_id"]: 100}


def test_without_an_upload_there_is_nothing_to_take_back(rollout: Rollout) -> None:
    with pytest.raises(AirflowSkipException, match="no model was uploaded"):
        rollout.roll_back(None)


@pytest.mark.parametrize("serves", [True, False])
def test_the_champion_of_before_is_not_taken_back_by_its_own_old_run(rollout: Rollout, serves: bool) -> None:
    """``serves``: a rollback has given it the traffic, and has not promoted it yet."""
    first = rollout.crown("sound")
    second = rollout.crown("other")
    if serves:
        rollout.shift(rollout.deploy(first["model_version"]), 100, take_all=True)
    traffic = rollout.traffic

    with pytest.raises(AirflowSkipException, match="was the champion before: it stays"):
        rollout.roll_back(first["model_version"])

    assert rollout.traffic == traffic
    assert rollout.deployed == {first["deployed_model_id"], second["deployed_model_id"]}


def test_what_somebody_else_has_deployed_again_is_not_taken_back(rollout: Rollout) -> None:
    champion = rollout.crown("sound")["deployed_model_id"]
    new = rollout.deploy(rollout.upload("other"))
    rollout.take_away(new["deployed_model_id"], {champion: 100})
    by_hand = rollout.deploy_other(new["model_version"], {"0": 30, champion: 70})

    with pytest.raises(AirflowSkipException, match=f"deployed as {by_hand}. was deployed by somebody else"):
        rollout.roll_back(new["model_version"], deployed_model_id=new["deployed_model_id"])

    assert rollout.traffic == {by_hand: 30, champion: 70}


def test_a_model_that_was_champion_before_and_is_rejected_now_is_taken_back(
    rollout: Rollout,
) -> None:
    first = rollout.crown("sound")
    second = rollout.crown("other")
    rollout.go_back(first["model_version"])
    rollout.take_away(second["deployed_model_id"], {first["deployed_model_id"]: 100})
    compared = first["model_version"]
    again = rollout.deploy(second["model_version"], champion_version=compared)
    rollout.shift(again, 10, champion_version=compared)

    rollout.roll_back(
        second["model_version"],
        champion_version=compared,
        deployed_model_id=again["deployed_model_id"],
        rejections=["it answers nonsense", None, None],
    )

    assert rollout.traffic == {first["deployed_model_id"]: 100}
    assert rollout.deployed == {first["deployed_model_id"]}


def test_what_a_promotion_that_broke_off_has_replaced_is_kept_like_the_previous_one(rollout: Rollout) -> None:
    rollout.crown("sound")
    second = rollout.crown("other")
    third = rollout.deploy(rollout.upload("named"))
    rollout.shift(third, 100)
    for version, alias in ((second["model_version"], "replaced"), (third["model_version"], "champion")):
        rollout.registry.merge_version_aliases(name=version, version_aliases=[alias])

    left = rollout.retire(third, keep_previous=True)

    assert set(left) == {second["deployed_model_id"], third["deployed_model_id"]}
