"""Probes of endpoints, and of the container that serves."""

from __future__ import annotations

from typing import Any

from deploy.acceptance.bench import REQUEST_SECONDS, Bench
from deploy.acceptance.probes import NotHeldError, Probe, hold

_SHIFT_SECONDS = 120.0
_DEPLOYED_MODEL_HEADER = "X-Vertex-AI-Deployed-Model-Id"


def _create_again(bench: Bench) -> str:
    from google.api_core.exceptions import AlreadyExists

    name = bench.endpoint
    try:
        bench.project.endpoints.create_endpoint(request=bench.endpoint_request(), timeout=REQUEST_SECONDS)
    except AlreadyExists:
        return f"{name.rpartition('/')[2]} was created once; then ALREADY_EXISTS"
    raise NotHeldError("a second endpoint with the same id was accepted")


def _find(bench: Bench) -> str:
    request = {
        "parent": bench.project.parent,
        "filter": f'display_name="{bench.name}"',
        "order_by": "create_time",
    }
    wanted = bench.endpoint
    found = bench.project.endpoints.list_endpoints(request=request, timeout=REQUEST_SECONDS)
    ids = [endpoint.name.rpartition("/")[2] for endpoint in found]
    hold(ids == [wanted.rpartition("/")[2]], f"found {ids}")
    return "the endpoint is listed by its display name at once after its creation"


def _operation(bench: Bench) -> str:
    from google.cloud.aiplatform_v1.types import DeployModelOperationMetadata

    kind = DeployModelOperationMetadata.pb().DESCRIPTOR.full_name
    name = bench.deployment.operation.name
    answer = bench.project.endpoints.list_operations(
        {"name": bench.endpoint, "page_size": 100}, timeout=REQUEST_SECONDS
    )
    found = {operation.name: operation.metadata.TypeName() for operation in answer.operations}
    hold(found.get(name) == kind, f"the operations of the endpoint are {found}")
    return "the deployment is among the operations of the endpoint, with its metadata"


def _deployed(bench: Bench) -> str:
    deployed_model_id = bench.deployed_model
    return f"deployed model {deployed_model_id} serves"


def _traffic(bench: Bench) -> str:
    wanted = {bench.deployed_model: 100}
    endpoint = bench.project.endpoints.get_endpoint(name=bench.endpoint, timeout=REQUEST_SECONDS)
    found = {id_: share for id_, share in endpoint.traffic_split.items() if share}
    hold(found == wanted, f"the traffic is {found}")
    return "the traffic set after the deployment is visible at once"


def _etag(bench: Bench) -> str:
    from google.api_core.exceptions import Aborted, FailedPrecondition

    client = bench.project.endpoints
    read = client.get_endpoint(name=bench.endpoint, timeout=REQUEST_SECONDS)
    changed = {"name": bench.endpoint, "description": "changed since it was read", "etag": read.etag}
    request: Any = {"endpoint": changed, "update_mask": {"paths": ["description"]}}
    client.update_endpoint(request=request, retry=None, timeout=REQUEST_SECONDS)
    try:
        client.update_endpoint(request=request, retry=None, timeout=REQUEST_SECONDS)
    except (Aborted, FailedPrecondition) as error:
        return f"an update with an old etag is rejected: {error.message}"
    raise NotHeldError(
        f"an update with the etag {read.etag!r} is accepted although the endpoint has changed since"
    )


def _predict(bench: Bench) -> str:
    wanted = bench.deployed_model
    instances: list[Any] = [{"x": [3.0]}]

    def look() -> tuple[str, Any]:
        # traffic may take a moment to arrive
        try:
            return "answered", ask(bench, instances)
        except NotHeldError as error:
            return f"not yet: {error}", None

    response = bench.wait("an answer", look, _SHIFT_SECONDS)
    predictions = list(response.predictions)
    value = predictions[0]["y"][0] if hasattr(predictions[0], "keys") else predictions[0][0]
    hold(value == 6.0, f"the model got 2 x 3 and returned {predictions}")
    found = response.deployed_model_id
    hold(found == wanted, f"deployed_model_id is {found!r}, not {wanted}")
    return f"2 x 3 = {value:g}, answered by {found}"


def ask(bench: Bench, instances: list[Any]) -> Any:
    """
    Ask ``serving_default`` over predict.

    :param bench: the project.
    :param instances: of the request.
    :raises NotHeldError: the endpoint does not answer yet.
    """
    from google.api_core.exceptions import FailedPrecondition, NotFound, ServiceUnavailable

    try:
        response = bench.project.predictions.predict(
            endpoint=bench.endpoint, instances=instances, timeout=REQUEST_SECONDS
        )
    except (FailedPrecondition, NotFound, ServiceUnavailable) as error:
        raise NotHeldError(str(error)) from error
    bench.answered += 1
    return response


def _raw_predict(bench: Bench) -> str:
    wanted = bench.deployed_model
    response = ask_raw(bench)
    found = response.headers.get(_DEPLOYED_MODEL_HEADER)
    hold(found == wanted, f"the header {_DEPLOYED_MODEL_HEADER} is {found!r}, not {wanted}")
    hold("12" in response.text, f"the model got 2 x 2 x 3 and returned {response.text[:200]}")
    return f"signature_name reaches the server; {_DEPLOYED_MODEL_HEADER}: {found}"


def ask_raw(bench: Bench) -> Any:
    """
    Ask ``serving_twice`` for 2 x 2 x 3 over rawPredict.

    :param bench: the project.
    :raises NotHeldError: it is refused.
    """
    project = bench.project
    url = f"https://{project.region}-aiplatform.googleapis.com/v1/{bench.endpoint}:rawPredict"
    body = {"instances": [{"x": [3.0]}], "signature_name": "serving_twice"}
    response = project.session.post(url, json=body, timeout=REQUEST_SECONDS)
    hold(response.ok, f"status {response.status_code}: {response.text[:200]}")
    bench.answered += 1
    return response


def refused(bench: Bench) -> str:
    """
    Send a request that the model server rejects.

    :param bench: the project.
    :raises NotHeldError: it is answered.
    """
    from google.api_core.exceptions import BadRequest

    wanted = bench.deployed_model
    instances: list[Any] = [{"no_such_input": [1.0]}]
    try:
        bench.project.predictions.predict(
            endpoint=bench.endpoint, instances=instances, timeout=REQUEST_SECONDS
        )
    except BadRequest as error:
        return f"{error.code}: {error.message}"
    raise NotHeldError(f"deployed model {wanted} has answered {instances}")


ENDPOINTS = (
    Probe("endpoint-again", "The caller may choose an endpoint's id, once", _create_again),
    Probe("endpoint-find", "An endpoint is listed by its display name at once", _find),
    Probe("deploy-operation", "An endpoint's operations show a running deployment", _operation),
)
ANSWERS = (
    Probe("deployment", "The deployed container serves a model of the pipeline's TensorFlow", _deployed),
    Probe("traffic-shift", "A new traffic split is visible when its update returns", _traffic),
    Probe("endpoint-etag", "An update with an old etag of an endpoint is rejected", _etag),
    Probe("predict", "predict calls serving_default and names the deployed model", _predict),
    Probe("raw-predict", "rawPredict forwards signature_name, and a header names the model", _raw_predict),
    Probe("predict-refused", "A request that the model server rejects is a 400", refused),
)
