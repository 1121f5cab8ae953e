"""Which of an endpoint's deployed models is which, and how its traffic is shared out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import NotFound

from vertex_mlops.contract.retries import READ_RETRY_SECONDS, REQUEST_SECONDS, transient_retry

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import DeployedModel, Endpoint, Model


def version_name(model: Model) -> str:
    """Return the resource name of a version: ``projects/1/locations/r/models/m@3``."""
    return f"{model.name.partition('@')[0]}@{model.version_id}"


def find_version(client: Any, reference: str, **options: Any) -> Model | None:
    """
    Read a version of a model.

    :param client: ModelServiceClient.
    :param reference: resource name of the model with ``@VERSION`` or ``@ALIAS``.
    :param options: options of the request, in place of ``retry`` and ``timeout`` of every read.
    :return: the version; None if there is none.
    """
    options = {"retry": transient_retry(READ_RETRY_SECONDS), "timeout": REQUEST_SECONDS} | options
    try:
        model: Model = client.get_model(name=reference, **options)
    except NotFound:
        return None
    return model


def find_endpoint(client: Any, parent: str, display_name: str, **options: Any) -> Endpoint | None:
    """
    Read the oldest endpoint of a name.

    :param client: EndpointServiceClient.
    :param parent: ``projects/P/locations/L``.
    :param display_name: display name of the endpoint.
    :param options: options of the request, in place of ``retry`` and ``timeout`` of every read.
    :return: the endpoint; None if there is none.
    """
    options = {"retry": transient_retry(READ_RETRY_SECONDS), "timeout": REQUEST_SECONDS} | options
    request = {"parent": parent, "filter": f'display_name="{display_name}"', "order_by": "create_time"}
    pages = client.list_endpoints(request=request, **options)
    return next(iter(pages), None)


def endpoint_id_for(display_name: str) -> str:
    """Return the id under which the endpoint of a name is created: always the same, so it is created once."""
    return str(100_000_000 + int(hashlib.sha256(display_name.encode()).hexdigest(), 16) % 900_000_000)


def deployed_version(deployed: DeployedModel) -> str:
    """Return the resource name of the version of a deployed model."""
    return f"{deployed.model.partition('@')[0]}@{deployed.model_version_id}"


def find_deployed(endpoint: Endpoint, model_version: str) -> DeployedModel | None:
    """
    Find the deployed model of a version.

    :param endpoint: the endpoint.
    :param model_version: resource name of the version, whose project may be an id or a number.
    :return: the deployed model; None if the version is not deployed.
    """
    for deployed in endpoint.deployed_models:
        if same_version(deployed_version(deployed), model_version):
            return deployed
    return None


def same_version(name: str, other: str) -> bool:
    """Return whether two resource names mean the same version, by project id or project number."""
    return _tail(name) == _tail(other)


def is_of(deployed: DeployedModel, model_version: str) -> bool:
    """
    Return whether a deployed model is a version of a model.

    :param deployed: the deployed model.
    :param model_version: resource name of the model, or of any of its versions.
    :return: True if it is.
    """
    return _tail(deployed.model).partition("@")[0] == _tail(model_version).partition("@")[0]


def live_split(endpoint: Endpoint) -> dict[str, int]:
    """Return the deployed models that have traffic, with their shares in per cent."""
    return {id_: share for id_, share in endpoint.traffic_split.items() if share}


def shares_of_others(endpoint: Endpoint, model_version: str) -> dict[str, int]:
    """
    Return the shares of the deployed models that are not versions of a model.

    :param endpoint: the endpoint.
    :param model_version: resource name of the model, or of any of its versions.
    :return: shares in per cent by the id of the deployed model.
    """
    own = {deployed.id for deployed in endpoint.deployed_models if is_of(deployed, model_version)}
    return {id_: share for id_, share in live_split(endpoint).items() if id_ not in own}


def find_champion(
    endpoint: Endpoint, champion: Model | None, model_version: str, challenger_id: str
) -> DeployedModel | None:
    """
    Find the deployed model that the traffic goes back to if a challenger fails.

    :param endpoint: the endpoint.
    :param champion: the version with the alias ``champion``; None if there is none.
    :param model_version: resource name of any version of the model; other models do not count.
    :param challenger_id: id of the deployed model of the challenger.
    :return: the champion; if it is not deployed, what has most of the traffic, and then the youngest.
    """
    found = find_deployed(endpoint, version_name(champion)) if champion else None
    if found and found.id != challenger_id:
        return found
    others: list[Any] = [
        model
        for model in endpoint.deployed_models
        if model.id != challenger_id and is_of(model, model_version)
    ]
    traffic = endpoint.traffic_split
    return max(others, key=lambda model: (traffic.get(model.id, 0), model.create_time), default=None)


def traffic_split_for(
    percent: int, challenger_id: str, champion_id: str | None, others: Mapping[str, int]
) -> dict[str, int]:
    """
    Compute the traffic split of one step; models of others keep their shares.

    :param percent: share of the challenger in what other models leave; without a champion it gets all of it.
    :param challenger_id: id of the new deployed model.
    :param champion_id: id of the deployed model that gets the rest.
    :param others: shares of other models, which stay as they are.
    :return: shares in per cent by the id of the deployed model.
    """
    left = 100 - sum(others.values())
    if champion_id is None or percent == 100 or left <= 1:
        return {**others, challenger_id: left}
    share = min(max(1, round(left * percent / 100)), left - 1)
    return {**others, challenger_id: share, champion_id: left - share}


def describe_split(endpoint: Endpoint, split: Mapping[str, int]) -> str:
    """
    Describe the traffic split of an endpoint.

    :param endpoint: the endpoint.
    :param split: share in per cent by the id of the deployed model.
    :return: one line.
    """
    named = {deployed.id: describe_deployed(deployed) for deployed in endpoint.deployed_models}
    shares = sorted(split.items(), key=lambda entry: (-entry[1], entry[0]))
    words = [f"{share} % to {named.get(id_, f'deployed model {id_} (gone)')}" for id_, share in shares]
    return ", ".join(words) or "to no model"


def describe_deployed(deployed: DeployedModel) -> str:
    """Describe a deployed model by its display name, its version and its id."""
    version = _tail(deployed_version(deployed))
    return f"{deployed.display_name or 'a model'} ({version}, deployed as {deployed.id})"


def _tail(name: str) -> str:
    # the answers of Vertex AI hold the number of a project where a request may hold its id
    return name.rpartition("/models/")[2]
