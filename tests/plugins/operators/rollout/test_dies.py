"""A rollout whose worker is killed behind each change that it makes: everything happens once all the same."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.google.cloud.hooks.vertex_ai.endpoint_service import EndpointServiceHook
from airflow.providers.google.cloud.hooks.vertex_ai.model_service import ModelServiceHook
from airflow.sdk.exceptions import AirflowRescheduleException

from tests.plugins.operators.rollout.rollouts import Rollout

READS = ("get_", "list_")
_MOST_TRIES = 300


class WorkerKilled(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class Deadly:
    """A client behind whose changes the worker dies, once for each change of a try."""

    def __init__(self, client: Any, killed: list[str]) -> None:
        self._client = client
        self._killed = killed

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if not callable(method) or name.startswith(READS) or name.endswith("_path"):
            return method

        def call(*arguments: Any, **more: Any) -> Any:
            answer = method(*arguments, **more)
            what = {key: value for key, value in more.items() if key not in ("retry", "timeout")}
            if name == "update_model":
                # one of the labels is the time, and each try has its own
                what = {"name": what["model"]["name"], "labels": sorted(what["model"]["labels"])}
            change = f"{name} {what}"
            if change not in self._killed:
                self._killed.append(change)
                raise WorkerKilled(change)
            return answer

        return call


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Kill the worker after each change that an operator makes, and record the change."""
    changes: list[str] = []
    for hook, name in (
        (EndpointServiceHook, "get_endpoint_service_client"),
        (ModelServiceHook, "get_model_service_client"),
    ):
        real = getattr(hook, name)
        monkeypatch.setattr(hook, name, lambda self, region, real=real: Deadly(real(self, region), changes))
    return changes


def stubbornly(step: Any, *arguments: Any) -> Any:
    """Retry a task, as Airflow does."""
    for _ in range(_MOST_TRIES):
        try:
            return step(*arguments)
        except (WorkerKilled, AirflowRescheduleException):
            continue
    raise AssertionError(f"{step} did not come to an end in {_MOST_TRIES} tries")


def test_a_rollout_that_dies_behind_each_change_does_nothing_twice(
    rollout: Rollout, killed: list[str]
) -> None:
    deployed: dict[str, Any] = {}
    for model in ("sound", "other"):
        version = stubbornly(rollout.upload, model)
        deployed = stubbornly(rollout.deploy_once, version)
        for percent in (10, 100):
            stubbornly(rollout.shift, deployed, percent)
        stubbornly(rollout.promote, version)
        stubbornly(rollout.retire, deployed)

    assert len(rollout.versions()) == 2
    assert rollout.aliases() == {"1": ["previous"], "2": ["champion"]}
    assert rollout.traffic == {deployed["deployed_model_id"]: 100}
    assert rollout.deployed == {deployed["deployed_model_id"]}
    methods = [change.partition(" ")[0] for change in killed]
    assert {method: methods.count(method) for method in methods} == {
        "upload_model": 2,
        # the labels of each, and since when it is the champion
        "update_model": 4,
        "create_endpoint": 1,
        # all traffic of the first model, two steps of the second
        "update_endpoint": 3,
        "deploy_model": 2,
        # that of the first model, and what the second replaces, becomes, and has replaced
        "merge_version_aliases": 4,
        "undeploy_model": 1,
    }


@pytest.mark.parametrize("percent", [10, 100])
def test_a_way_back_that_dies_behind_each_change_comes_to_the_same_end(
    rollout: Rollout, percent: int, request: pytest.FixtureRequest
) -> None:
    champion = rollout.crown("sound")
    new = rollout.deploy(rollout.upload("other"))
    rollout.shift(new, percent)
    killed = request.getfixturevalue("killed")

    stubbornly(rollout.roll_back_once, new["model_version"])

    assert [change.partition(" ")[0] for change in killed] == ["update_endpoint", "undeploy_model"]
    assert rollout.traffic == {champion["deployed_model_id"]: 100}
    assert rollout.deployed == {champion["deployed_model_id"]}
