"""Probes of endpoints, of the container that serves, and of what Cloud Monitoring says of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from deploy.acceptance.bench import REQUEST_SECONDS, Bench
from deploy.acceptance.probes import NotHeldError, Probe, hold

_METRICS_SECONDS = 900.0
_SHIFT_SECONDS = 120.0
_METRICS = "aiplatform.googleapis.com/prediction/online"
_RESOURCE = "aiplatform.googleapis.com/Endpoint"
_DEPLOYED_MODEL_HEADER = "X-Vertex-AI-Deployed-Model-Id"


def _create_again(bench: Bench) -> str:
    from google.api_core.exceptions import AlreadyExists

    name = bench.endpoint
    try:
        bench.project.endpoints.create_endpoint(request=bench.endpoint_request(), timeout=REQUEST_SECONDS)
    except AlreadyExists:
        return f"{name.rpartition('/')[2]} was made once; then ALREADY_EXISTS"
    raise NotHeldError("a second endpoint of the same id was accepted")


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
    answer = bench.project.endpoints.list_operations({"name": bench.endpoint}, timeout=REQUEST_SECONDS)
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
    return "traffic that was set after the deployment is there at once"


def _predict(bench: Bench) -> str:
    wanted = bench.deployed_model
    instances: list[Any] = [{"x": [3.0]}]

    def look() -> tuple[str, Any]:
        # traffic may take a moment to arrive
        try:
            return "answered", _ask(bench, instances)
        except NotHeldError as error:
            return f"not yet: {error}", None

    response = bench.wait("an answer", look, _SHIFT_SECONDS)
    predictions = list(response.predictions)
    value = predictions[0]["y"][0] if hasattr(predictions[0], "keys") else predictions[0][0]
    hold(value == 6.0, f"the model was asked for 2 x 3 and answered {predictions}")
    found = response.deployed_model_id
    hold(found == wanted, f"deployed_model_id is {found!r}, not {wanted}")
    return f"2 x 3 = {value:g}, answered by {found}"


def _ask(bench: Bench, instances: list[Any]) -> Any:
    from google.api_core.exceptions import FailedPrecondition, NotFound, ServiceUnavailable

    try:
        return bench.project.predictions.predict(
            endpoint=bench.endpoint, instances=instances, timeout=REQUEST_SECONDS
        )
    except (FailedPrecondition, NotFound, ServiceUnavailable) as error:
        raise NotHeldError(str(error)) from error


def _raw_predict(bench: Bench) -> str:
    wanted = bench.deployed_model
    project = bench.project
    url = f"https://{project.region}-aiplatform.googleapis.com/v1/{bench.endpoint}:rawPredict"
    body = {"instances": [{"x": [3.0]}], "signature_name": "serving_twice"}
    response = project.session.post(url, json=body, timeout=REQUEST_SECONDS)
    hold(response.ok, f"status {response.status_code}: {response.text[:200]}")
    found = response.headers.get(_DEPLOYED_MODEL_HEADER)
    hold(found == wanted, f"the header {_DEPLOYED_MODEL_HEADER} is {found!r}, not {wanted}")
    hold("12" in response.text, f"the model was asked for 2 x 2 x 3 and answered {response.text[:200]}")
    return f"signature_name reaches the server; {_DEPLOYED_MODEL_HEADER}: {found}"


def _metric_lag(bench: Bench) -> str:
    project = bench.project
    name = f"projects/{project.project}/metricDescriptors/{_METRICS}/response_count"
    # a message of protobuf itself, not of proto-plus as the client's annotation says
    descriptor: Any = project.metrics.get_metric_descriptor(name=name, timeout=REQUEST_SECONDS)
    labels = [label.key for label in descriptor.labels]
    hold("deployed_model_id" in labels, f"its labels are {labels}")
    metadata = descriptor.metadata
    known = metadata.HasField("sample_period") and metadata.HasField("ingest_delay")
    hold(known, f"sample_period or ingest_delay is missing: {' '.join(str(metadata).split())}")
    period, delay = (
        one.ToTimedelta().total_seconds() for one in (metadata.sample_period, metadata.ingest_delay)
    )
    return f"a point each {period:g} s, up to {delay:g} s late; labels {labels}"


def _metric(metric: str, **wanted: str) -> Callable[[Bench], str]:
    def ask(bench: Bench) -> str:
        deployed_model_id, project = bench.deployed_model, bench.project
        _ask(bench, [{"x": [1.0]}])
        asked = time.monotonic()
        labels = {"deployed_model_id": deployed_model_id, **wanted}
        conditions = [f'metric.type = "{_METRICS}/{metric}"', f'resource.type = "{_RESOURCE}"']
        conditions += [f'metric.labels.{key} = "{value}"' for key, value in labels.items()]

        def look() -> tuple[str, Any]:
            now = int(time.time())
            request: dict[str, Any] = {
                "name": f"projects/{project.project}",
                "filter": " AND ".join(conditions),
                "interval": {"start_time": {"seconds": now - 3600}, "end_time": {"seconds": now + 1}},
            }
            series = list(project.metrics.list_time_series(request=request, timeout=REQUEST_SECONDS))
            return f"{metric} has {len(series)} time series", series or None

        series = bench.wait(f"points of {metric}", look, _METRICS_SECONDS)
        found = [dict(one.metric.labels) for one in series]
        return f"there {time.monotonic() - asked:.0f} s after a request; labels {found}"

    return ask


ENDPOINTS = (
    Probe("endpoint-again", "An endpoint's id may be ours, and is taken once", _create_again),
    Probe("endpoint-find", "An endpoint is listed by its display name at once", _find),
    Probe("deploy-operation", "An endpoint's operations tell of a deployment under way", _operation),
)
ANSWERS = (
    Probe("deployment", "The deployed container serves a model of the pipeline's TensorFlow", _deployed),
    Probe("traffic-shift", "A new traffic split is there when its update is answered", _traffic),
    Probe("predict", "predict reaches serving_default and names the deployed model", _predict),
    Probe("raw-predict", "rawPredict hands signature_name on, and a header names the model", _raw_predict),
)
METRICS = (
    Probe("metric-lag", "Cloud Monitoring says how late the metrics of predictions are", _metric_lag),
    Probe(
        "metric-prediction-count",
        "prediction_count can be read by deployed model within 15 minutes",
        _metric("prediction_count"),
    ),
    Probe(
        "metric-response-count",
        "response_count has the class of the status in response_code",
        _metric("response_count", response_code="2xx"),
    ),
    Probe(
        "metric-latencies",
        "prediction_latencies has the latency type total",
        _metric("prediction_latencies", latency_type="total"),
    ),
)
