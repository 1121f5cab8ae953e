"""How an endpoint's traffic is split."""

from __future__ import annotations

from collections import Counter

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.vertex.endpoints.traffic import check_split, choose


@pytest.mark.parametrize("split", [{"1": 90}, {"1": 60, "2": 50}, {"1": 150, "2": -50}])
def test_percentages_must_add_up_to_100(split: dict[str, int]) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="add up to 100"):
        check_split(split, ["1", "2"])


def test_a_split_names_only_deployed_models() -> None:
    with pytest.raises(exceptions.InvalidArgument, match="does not have: 3"):
        check_split({"1": 50, "3": 50}, ["1", "2"])


def test_no_traffic_at_all_is_allowed() -> None:
    check_split({}, [])


def test_requests_follow_the_split() -> None:
    endpoint = v1.Endpoint(
        deployed_models=[v1.DeployedModel(id=number) for number in "123"], traffic_split={"1": 75, "2": 25}
    )

    chosen = Counter(choose(endpoint).id for _ in range(2000))

    # 0.75 of 2000 has a standard deviation of 19
    assert 1400 < chosen["1"] < 1600
    assert chosen["1"] + chosen["2"] == 2000


def test_an_endpoint_without_traffic_answers_nothing() -> None:
    with pytest.raises(exceptions.FailedPrecondition, match="no deployed model that receives traffic"):
        choose(v1.Endpoint(name="e", deployed_models=[v1.DeployedModel(id="1")]))
