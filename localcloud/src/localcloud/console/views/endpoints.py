"""Pages of endpoints."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf import json_format

from localcloud.clients.environment import client_environment
from localcloud.console.pages import Asked, Page, Sources

if TYPE_CHECKING:
    from google.cloud import aiplatform_v1 as v1

# placeholder for the value of an input, by TensorFlow type
_PLACEHOLDERS = {"string": "TEXT", "bool": False}


class Deployed(NamedTuple):
    """
    A deployed model.

    :param model: what was deployed.
    :param traffic: its share of the requests, percent.
    :param signatures: its inputs by signature, or None while its server does not run.
    """

    model: v1.DeployedModel
    traffic: int
    signatures: Mapping[str, Mapping[str, Any]] | None


def endpoints(sources: Sources, asked: Asked) -> Page:
    """List the endpoints."""
    return Page("endpoints.html", {"endpoints": sources.vertex.endpoints()})


def endpoint(sources: Sources, asked: Asked) -> Page:
    """
    Show what an endpoint serves, and how to call it.

    :raises ApiError: 404 when there is no such endpoint.
    """
    found = sources.vertex.endpoint(asked["region"], asked["id"])
    deployed = [
        Deployed(model, found.traffic_split.get(model.id, 0), sources.vertex.signatures(found, model))
        for model in found.deployed_models
    ]
    body, has_values = _body(deployed, _sample(sources, found))
    values = {"deployed": deployed, "has_values": has_values, "request": _command(sources, found, body)}
    return Page("endpoint.html", {"endpoint": found, **values})


def _sample(sources: Sources, endpoint: v1.Endpoint) -> Any:
    """Return the instance that the endpoint's monitoring job holds, if there is one."""
    name = endpoint.model_deployment_monitoring_job
    if not name:
        return None
    _, _, _, region, _, id_ = name.split("/")
    job = sources.vertex.monitoring_job(region, id_)
    message = type(job).pb(job)
    known = message.HasField("sample_predict_instance")
    return json_format.MessageToDict(message.sample_predict_instance) if known else None


def _body(deployed: Sequence[Deployed], sample: Any) -> tuple[dict[str, Any], bool]:
    """
    Write a request for the model with the most traffic.

    :param sample: an instance that is known to be good, or None.
    :return: the request, and whether its values are more than placeholders.
    """
    most = max(deployed, key=lambda one: one.traffic, default=None)
    signatures = most.signatures if most else None
    if not signatures:
        return {"instances": ["INSTANCE"] if sample is None else [sample]}, sample is not None
    for name, inputs in signatures.items():
        if isinstance(sample, dict) and sample.keys() == inputs.keys():
            return {"signature_name": name, "instances": [sample]}, True
    name, inputs = max(signatures.items(), key=lambda item: _ease(item[1]))
    instance = {key: _placeholder(spec) for key, spec in inputs.items()}
    return {"signature_name": name, "instances": [instance]}, False


def _ease(inputs: Mapping[str, Any]) -> tuple[bool, int]:
    """Return how easily a person can fill in a signature: a string may be a serialized message."""
    return all(spec["dtype"] != "string" for spec in inputs.values()), len(inputs)


def _placeholder(spec: Mapping[str, Any]) -> Any:
    value = _PLACEHOLDERS.get(spec["dtype"], 0)
    # the first dimension counts the instances
    for size in reversed(spec["shape"][1:]):
        value = [value] * (size or 1)
    return value


def _command(sources: Sources, endpoint: v1.Endpoint, body: Mapping[str, Any]) -> str:
    """Return the command that calls the endpoint, to be pasted into a shell on this machine."""
    region = endpoint.name.split("/")[3]
    url = f"https://{region}-aiplatform.googleapis.com/v1/{endpoint.name}:rawPredict"
    environment = client_environment(sources.settings)
    options = {
        "--proxy": environment["HTTPS_PROXY"],
        "--cacert": environment["CURL_CA_BUNDLE"],
        "--header": "Content-Type: application/json",
        "--data": json.dumps(body, sort_keys=True),
    }
    lines = [f"{option} {shlex.quote(value)}" for option, value in options.items()]
    return " \\\n  ".join(["curl --silent --show-error", *lines, shlex.quote(url)])
