"""Probes of what Cloud Monitoring says about the requests of an endpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from deploy.acceptance.bench import REQUEST_SECONDS, Bench
from deploy.acceptance.probes import Probe, hold
from deploy.acceptance.services.serving import ask, ask_raw, refused

_METRICS_SECONDS = 900.0
_METRICS = "aiplatform.googleapis.com/prediction/online"
_RESOURCE = "aiplatform.googleapis.com/Endpoint"


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


def _series(bench: Bench, metric: str, **labels: str) -> list[Any]:
    """Read the time series of a metric in the last hour, as far as there are any."""
    from google.api_core.exceptions import NotFound

    labels = {"deployed_model_id": bench.deployed_model, **labels}
    conditions = [f'metric.type = "{_METRICS}/{metric}"', f'resource.type = "{_RESOURCE}"']
    conditions += [f'metric.labels.{key} = "{value}"' for key, value in labels.items()]
    now = int(time.time())
    request: dict[str, Any] = {
        "name": f"projects/{bench.project.project}",
        "filter": " AND ".join(conditions),
        "interval": {"start_time": {"seconds": now - 3600}, "end_time": {"seconds": now + 1}},
    }
    try:
        return list(bench.project.metrics.list_time_series(request=request, timeout=REQUEST_SECONDS))
    except NotFound:
        # nothing has been written in this project yet
        return []


def _total(series: list[Any]) -> int:
    return sum(point.value.int64_value for one in series for point in one.points)


def _metric(metric: str, **wanted: str) -> Callable[[Bench], str]:
    def count(bench: Bench) -> str:
        bench.deployed_model  # noqa: B018 (it must be there)
        ask(bench, [{"x": [1.0]}])
        asked = time.monotonic()

        def look() -> tuple[str, Any]:
            series = _series(bench, metric, **wanted)
            return f"{metric} has {len(series)} time series", series or None

        series = bench.wait(f"points of {metric}", look, _METRICS_SECONDS)
        found = [dict(one.metric.labels) for one in series]
        value = series[0].points[0].value
        buckets = value.distribution_value.bucket_options.WhichOneof("options")
        layout = f"; {buckets}" if buckets else ""
        return f"there {time.monotonic() - asked:.0f} s after a request; labels {found}{layout}"

    return count


def _all_counted(bench: Bench) -> str:
    bench.deployed_model  # noqa: B018 (it must be there)
    for _ in range(5):
        ask_raw(bench)

    def look() -> tuple[str, Any]:
        found = _total(_series(bench, "response_count", response_code="2xx"))
        return f"{found} of {bench.answered} requests are counted", found >= bench.answered or None

    bench.wait("the count of requests over rawPredict", look, _METRICS_SECONDS)
    return f"{bench.answered} requests over predict and rawPredict are counted"


def _errors_counted(bench: Bench) -> str:
    refused(bench)

    def look() -> tuple[str, Any]:
        errors = _total(_series(bench, "error_count"))
        refused = _total(_series(bench, "response_count", response_code="4xx"))
        said = f"error_count {errors}, response_count of 4xx {refused}"
        return said, said if errors or refused else None

    return bench.wait("the count of refused requests", look, _METRICS_SECONDS)


PROBES = (
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
    Probe("metric-raw-predict", "Requests over rawPredict count as those over predict do", _all_counted),
    Probe("metric-errors", "A request that the model refuses counts in one of the metrics", _errors_counted),
    Probe("metric-lag", "Cloud Monitoring says how late the metrics of predictions are", _metric_lag),
)
