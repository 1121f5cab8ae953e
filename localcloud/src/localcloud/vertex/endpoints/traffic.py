"""The split of an endpoint's traffic between its deployed models."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

NEW_MODEL = "0"
"""Stands, in a DeployModel request, for the id of the model that is being deployed."""


def check_split(split: Mapping[str, int], deployed_ids: Collection[str]) -> None:
    """
    Check that a traffic split has percentages of deployed models that add up to 100, or is empty.

    :param split: percentage by deployed model id.
    :param deployed_ids: ids that it may name.
    :raises google.api_core.exceptions.InvalidArgument: it is invalid.
    """
    unknown = sorted(set(split) - set(deployed_ids))
    if unknown:
        raise exceptions.InvalidArgument(
            f"traffic_split names deployed models that the endpoint does not have: {', '.join(unknown)}."
        )
    if any(share < 0 for share in split.values()) or (split and sum(split.values()) != 100):
        raise exceptions.InvalidArgument(
            f"The percentages of traffic_split must be 0 to 100 and add up to 100, got {dict(split)}."
        )


def choose(endpoint: v1.Endpoint) -> v1.DeployedModel:
    """
    Pick the deployed model that answers the next request, by its share of the traffic.

    :raises google.api_core.exceptions.FailedPrecondition: no deployed model gets traffic.
    """
    shares = [endpoint.traffic_split.get(deployed.id, 0) for deployed in endpoint.deployed_models]
    if not any(shares):
        raise exceptions.FailedPrecondition(
            f"Endpoint {endpoint.name} has no deployed model that receives traffic."
        )
    chosen: v1.DeployedModel = random.choices(list(endpoint.deployed_models), weights=shares)[0]  # noqa: S311
    return chosen
