"""Each invariant detects its violation: a change that the journal does not record."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.sequences.bench import Bench
from tests.sequences.trainings import SOUND_MODEL
from tests.sequences.world import World


def traffic_of_the_unverified(world: World) -> None:
    world.advance(world.retrain(SOUND_MODEL), until="verify_10")


def nothing_that_serves(world: World) -> None:
    for id_ in world.deployed:
        world.person.undeploy(id_)


def another_champion(world: World) -> None:
    world.advance(world.retrain(SOUND_MODEL))
    assert world.person.move_alias("champion", "1")


def traffic_of_the_one_before(world: World) -> None:
    rollout = world.retrain(SOUND_MODEL)
    first = world.deployed[-1]
    world.advance(rollout, until="retire")
    assert world.person.give_traffic({first: 100})


def others_without_a_share(world: World) -> None:
    assert world.deploy_other_team(20)
    (other,) = world.journal.others
    assert world.person.undeploy(other)


def no_way_back(world: World) -> None:
    world.advance(world.retrain(SOUND_MODEL))
    assert world.person.move_alias("-previous", "1")


def no_monitoring(world: World) -> None:
    world.advance(world.retrain(SOUND_MODEL))
    assert world.person.delete_monitoring_job()


@pytest.mark.parametrize(
    ("act", "line"),
    [
        (traffic_of_the_unverified, "which no verify has passed"),
        (nothing_that_serves, "nothing serves any more"),
        (another_champion, "and the champion is 1"),
        (traffic_of_the_one_before, "has promoted version"),
        (others_without_a_share, "another team's model .* was undeployed"),
        (no_way_back, "was replaced, and wine_rollback goes back to none"),
        (no_monitoring, "serve, and the monitoring job watches set"),
    ],
)
def test_an_invariant_that_is_broken_is_named(bench: Bench, act: Callable[[World], None], line: str) -> None:
    world = bench.begin("red", 1)
    assert world.problems == []

    act(world)
    world.journal.state = world.journal.look()

    assert re.search(line, "\n".join(world.problems))
