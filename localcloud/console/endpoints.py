"""Pages of endpoints."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf import json_format

from localcloud.console.pages import Asked, Page, Sources
from localcloud.environment import client_environment

if TYPE_CHECKING:
    from google.cloud import aiplatform_v1 as v1


class Deployed(NamedTuple):
    """
    A deployed model.

    :param model: what was deployed.
    :param traffic: its share of the requests, percent.
    :param loaded: whether its server runs.
    """

    model: v1.DeployedModel
    traffic: int
    loaded: bool


def endpoints(sources: Sources, asked: Asked) -> Page:
    """List the endpoints."""
    return Page("endpoints.html", {"endpoints": sources.vertex.endpoints()})


def endpoint(sources: Sources, asked: Asked) -> Page:
    """
    Show what an endpoint serves, and how to ask it.

    :raises ApiError: 404 when there is no such endpoint.
    """
    found = sources.vertex.endpoint(asked["region"], asked["id"])
    deployed = [
        Deployed(model, found.traffic_split.get(model.id, 0), sources.vertex.is_loaded(found, model))
        for model in found.deployed_models
    ]
    instance = _sample(sources, found)
    values = {"endpoint": found, "deployed": deployed, "request": _request(sources, found, instance)}
    return Page("endpoint.html", {**values, "has_sample": instance is not None})


def _sample(sources: Sources, endpoint: v1.Endpoint) -> Any:
    """Give the instance that the endpoint's monitoring job holds, if there is one."""
    name = endpoint.model_deployment_monitoring_job
    if not name:
        return None
    _, _, _, region, _, id_ = name.split("/")
    job = sources.vertex.monitoring_job(region, id_)
    message = type(job).pb(job)
    known = message.HasField("sample_predict_instance")
    return json_format.MessageToDict(message.sample_predict_instance) if known else None


def _request(sources: Sources, endpoint: v1.Endpoint, instance: Any) -> str:
    """Write the command that asks the endpoint, ready to be pasted into a shell of this machine."""
    region = endpoint.name.split("/")[3]
    body = json.dumps({"instances": [instance if instance is not None else "INSTANCE"]})
    url = f"https://{region}-aiplatform.googleapis.com/v1/{endpoint.name}:rawPredict"
    environment = client_environment(sources.settings)
    return " \\\n  ".join(
        [
            "curl --silent --show-error",
            f"--proxy {shlex.quote(environment['HTTPS_PROXY'])}",
            f"--cacert {shlex.quote(environment['CURL_CA_BUNDLE'])}",
            "--header 'Content-Type: application/json'",
            f"--data {shlex.quote(body)}",
            shlex.quote(url),
        ]
    )
