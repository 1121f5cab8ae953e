"""Who serves after a rollout, on a live Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.live.example_settings import Start
from tests.plugins.live.runs import ExampleRun, Runs
from tests.plugins.operators.rollout.rollouts import Rollout, serving
from tests.plugins.operators.served_models import Models

DAG_ID = "example_endpoint"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def rollout(runs: Runs, models: Models) -> Iterator[Rollout]:
    """Compile pipelines whose contract holds the wine that the models know."""
    settings = runs.stack.settings
    parts = {
        "data_contract": CONTRACT | {"sample_example": models.example},
        "serving": serving("wine-example"),
    }
    place = {"project_id": settings.cloud.project, "region": settings.region}
    rollout = Rollout(place, "wine-example", parts, f"gs://{settings.bucket}/models")
    yield rollout
    rollout.close()


def test_the_example_rolls_a_sound_model_out_and_takes_a_bad_one_back(rollout: Rollout, start: Start) -> None:
    def begin(model: str, **more: Any) -> ExampleRun:
        return start(DAG_ID, pipeline_result=rollout.outcome(model, **more))

    def roll_out(model: str, **more: Any) -> tuple[str, dict[str, str]]:
        return begin(model, **more).wait_for_end()

    # the metrics of this localcloud are late, and are waited for without a worker slot
    run = begin("sound")
    run.wait_for_task("verify", "deferred")
    sound, _ = run.wait_for_end()
    judged = run.xcom("verify")
    assert (judged["requests"], judged["failed"], judged["decided_by"]) == (22, 0, "probes")
    champion = rollout.traffic
    bad, steps = roll_out("impossible", champion_version=f"{rollout.parent}/models/{rollout.name}@1")
    overtaken, skipped = roll_out("other")
    refused, others = roll_out("other", blessed=False, reason="too bad")

    assert (sound, bad, refused) == ("success", "failed", "success")
    assert (steps["verify"], steps["roll_back"]) == ("failed", "success")
    assert set(others.values()) == {"skipped"}
    # compared with no version, although there is a champion
    assert (overtaken, skipped["upload"], skipped["deploy"]) == ("success", "success", "skipped")
    assert list(champion.values()) == [100]
    assert rollout.traffic == champion
    assert rollout.deployed == set(champion)
