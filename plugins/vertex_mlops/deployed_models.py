"""Which of an endpoint's deployed models is which, and how its traffic is shared out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import NotFound

from vertex_mlops.retries import PATIENCE_SECONDS, REQUEST_SECONDS, patiently

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import DeployedModel, Endpoint, Model

CHAMPION_ALIAS = "champion"
PREVIOUS_ALIAS = "previous"


def version_name(model: Model) -> str:
    """Resource name of one version: ``projects/1/locations/r/models/m@3``."""
    return f"{model.name.partition('@')[0]}@{model.version_id}"


def find_version(client: Any, reference: str, **options: Any) -> Model | None:
    """
    Read a version of a model.

    :param client: ModelServiceClient.
    :param reference: resource name of the model with ``@VERSION`` or ``@ALIAS``.
    :param options: of the request, in place of ``retry`` and ``timeout`` of every read.
    """
    options = {"retry": patiently(PATIENCE_SECONDS), "timeout": REQUEST_SECONDS} | options
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
    :param display_name: of the endpoint.
    :param options: of the request, in place of ``retry`` and ``timeout`` of every read.
    """
    options = {"retry": patiently(PATIENCE_SECONDS), "timeout": REQUEST_SECONDS} | options
    request = {"parent": parent, "filter": f'display_name="{display_name}"', "order_by": "create_time"}
    pages = client.list_endpoints(request=request, **options)
    return next(iter(pages), None)


def endpoint_id_for(display_name: str) -> str:
    """Give the id under which the endpoint of a name is made: always the same, so that it is made once."""
    return str(100_000_000 + int(hashlib.sha256(display_name.encode()).hexdigest(), 16) % 900_000_000)


def deployed_version(deployed: DeployedModel) -> str:
    """Resource name of the version that a deployed model was made from."""
    return f"{deployed.model.partition('@')[0]}@{deployed.model_version_id}"


def find_deployed(endpoint: Endpoint, model_version: str) -> DeployedModel | None:
    """
    Find the deployed model of a version.

    :param endpoint: what to look through.
    :param model_version: resource name of the version, whose project may be an id or a number.
    """
    for deployed in endpoint.deployed_models:
        if _tail(deployed_version(deployed)) == _tail(model_version):
            return deployed
    return None


def find_champion(endpoint: Endpoint, champion: Model | None, challenger_id: str) -> DeployedModel | None:
    """
    Find the deployed model that the traffic goes back to if a challenger fails.

    :param endpoint: what to look through.
    :param champion: the version that the registry calls so; None if it calls none so.
    :param challenger_id: id of the deployed model that is not it.
    :return: the champion; if it is not deployed, what has most of the traffic, and then the youngest.
    """
    found = find_deployed(endpoint, version_name(champion)) if champion else None
    if found and found.id != challenger_id:
        return found
    others: list[Any] = [model for model in endpoint.deployed_models if model.id != challenger_id]
    traffic = endpoint.traffic_split
    return max(others, key=lambda model: (traffic.get(model.id, 0), model.create_time), default=None)


def share_out(percent: int, challenger_id: str, champion_id: str | None) -> dict[str, int]:
    """
    Give the traffic split of one step.

    :param percent: share of the challenger; without a champion it gets all.
    :param challenger_id: id of the new deployed model.
    :param champion_id: id of the one that has the rest.
    """
    if champion_id is None or percent == 100:
        return {challenger_id: 100}
    return {challenger_id: percent, champion_id: 100 - percent}


def _tail(name: str) -> str:
    # the answers of Vertex AI hold the number of a project where a request may hold its id
    return name.rpartition("/models/")[2]
