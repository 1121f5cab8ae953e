"""Sequences that once violated an invariant, each in its shortest form."""

from __future__ import annotations

from tests.sequences.bench import Bench
from tests.sequences.checks.journal import version_of
from tests.sequences.trainings import SOUND_MODEL
from tests.sequences.world import death


def test_a_rollback_during_a_rollout_wins(bench: Bench) -> None:
    world = bench.begin("white", 2)
    rollout = world.retrain(SOUND_MODEL)
    world.advance(rollout, until="traffic_50")

    world.advance(world.roll_back(), until="monitor")
    world.advance(rollout)
    world.finish()

    assert world.problems == []


def test_retire_leaves_what_a_rollback_has_just_deployed(bench: Bench) -> None:
    world = bench.begin("white", 2)
    rollout = world.retrain(SOUND_MODEL)
    world.advance(rollout, until="retire")
    world.advance(world.roll_back(), until="traffic_100")

    world.advance(rollout)
    world.finish()

    assert world.problems == []


def test_what_a_person_gives_back_is_not_taken_again(bench: Bench) -> None:
    world = bench.begin("white", 1)
    (champion,) = world.deployed
    rollout = world.retrain(SOUND_MODEL)
    world.advance(rollout, until="traffic_50")

    assert world.traffic_split_for({champion: 100})
    world.finish()

    assert world.problems == []


def test_the_model_of_another_team_keeps_its_share(bench: Bench) -> None:
    world = bench.begin("white", 1)
    assert world.deploy_other_team(20)

    world.advance(world.retrain(SOUND_MODEL))

    assert world.problems == []


def test_a_deploy_that_is_cleared_after_its_promote_changes_nothing(bench: Bench) -> None:
    world = bench.begin("red", 1)
    rollout = world.retrain(SOUND_MODEL)
    world.advance(rollout)

    world.clear(rollout, "deploy")
    world.advance(rollout, until="verify_10")
    while "verify_10" in rollout.ready():
        world.step(rollout, "verify_10", *death(0))
    world.finish()

    assert world.problems == []


def test_a_champion_that_a_person_undeploys_during_a_rollout_leaves_a_model(bench: Bench) -> None:
    world = bench.begin("white", 1)
    (champion,) = world.deployed
    rollout = world.retrain(SOUND_MODEL)
    world.advance(rollout, until="traffic_50")

    assert world.undeploy(champion)
    world.finish()

    assert world.problems == []


def test_a_recipient_that_a_person_adds_stays(bench: Bench) -> None:
    world = bench.begin("white", 1)
    assert world.add_recipient("person@example.com")

    world.advance(world.retrain(SOUND_MODEL))

    assert world.problems == []


def test_an_old_run_that_is_cleared_does_not_promote_over_a_newer_champion(bench: Bench) -> None:
    world = bench.begin("white", 2)
    oldest = world.airflow.runs[0]

    world.clear(oldest, "gate")
    world.finish()

    assert world.problems == []


def test_an_old_run_that_is_cleared_leaves_what_a_rollback_has_deployed(bench: Bench) -> None:
    world = bench.begin("white", 2)
    world.advance(world.roll_back(), until="verify_100")

    oldest = world.airflow.runs[0]
    world.clear(oldest, "traffic_10")
    world.advance(oldest)
    world.finish()

    assert world.problems == []


def test_an_old_run_that_is_cleared_leaves_the_previous_model_that_is_kept(bench: Bench) -> None:
    world = bench.begin("red", 2)
    kept = world.deployed

    world.clear(world.airflow.runs[0], "traffic_10")
    world.finish()

    assert world.deployed == kept


def test_a_rollout_does_not_have_its_model_watched_after_a_rollback(bench: Bench) -> None:
    world = bench.begin("white", 2)
    rollout = world.retrain(SOUND_MODEL)
    world.advance(rollout, until="monitor")
    world.advance(world.roll_back(), until="retire")

    world.advance(rollout)
    world.finish()

    assert world.problems == []


def test_a_rollback_goes_back_one_version_though_the_promotion_before_is_half_done(bench: Bench) -> None:
    world = bench.begin("white", 2)
    rollout = world.retrain(SOUND_MODEL)
    world.advance(rollout, until="promote")
    calls = 0
    while world.journal.state.aliases["champion"] != "3":
        world.airflow.clear(rollout, ["promote"])
        world.step(rollout, "promote", *death(calls))
        calls += 1

    rollback = world.roll_back()
    world.advance(rollback, until="deploy")

    assert version_of(rollback) == "wine-white@2"
