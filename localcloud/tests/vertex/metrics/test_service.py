"""The metrics of predictions, through the client of Cloud Monitoring."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from google.api import metric_pb2
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.cloud import monitoring_v3 as v3

from localcloud.testing import eventually
from localcloud.vertex.metrics.service import SAMPLE_SECONDS

VERTEX = "https://europe-west1-aiplatform.googleapis.com/v1"
MONITORING = "https://monitoring.googleapis.com/v3"
PREFIX = "aiplatform.googleapis.com/prediction/online/"
PROJECT = "projects/local-project"
RESPONSES = f'metric.type = "{PREFIX}response_count"'


@pytest.fixture(scope="module")
def metrics(cloud: Any) -> v3.MetricServiceClient:
    return v3.MetricServiceClient()


@pytest.fixture(scope="module")
def asked(
    clients: Any,
    new_endpoint: Callable[..., v1.Endpoint],
    deploy: Callable[..., v1.DeployedModel],
    serving: v1.Endpoint,
    wine: Any,
) -> v1.Endpoint:
    """Send five requests to an endpoint over gRPC and REST, two of which fail."""
    name = new_endpoint().name
    deploy(name, serving.deployed_models[0].model, {"0": 100})
    clients.predictions.predict(endpoint=name, instances=[{"examples": {"b64": wine.example}}])
    three = [{"alcohol": [9.0]}] * 3
    for verb, body, status in (
        ("rawPredict", {"signature_name": "serving_raw", "instances": three}, 200),
        ("predict", {"instances": [{"examples": {"b64": wine.example}}]}, 200),
        ("rawPredict", {"signature_name": "serving_raw", "instances": [{"x": 1}]}, 400),
        ("predict", {"instances": ["%"]}, 400),
    ):
        assert requests.post(f"{VERTEX}/{name}:{verb}", json=body, timeout=120).status_code == status
    return clients.endpoints.get_endpoint(name=name)


def last_hour() -> v3.TimeInterval:
    now = datetime.now(UTC)
    return v3.TimeInterval(start_time=now - timedelta(hours=1), end_time=now)


def filter_of(metric: str, endpoint: v1.Endpoint, more: str = "") -> str:
    return (
        f'metric.type = "{PREFIX}{metric}" AND resource.type = "aiplatform.googleapis.com/Endpoint"'
        f' AND resource.labels.endpoint_id = "{endpoint.name.rpartition("/")[2]}"'
        f' AND metric.labels.deployed_model_id = "{endpoint.deployed_models[0].id}"{more}'
    )


def total(series: v3.TimeSeries) -> int:
    return sum(p.value.int64_value or p.value.distribution_value.count for p in series.points)


def test_each_request_counts_in_all_four_metrics(metrics: v3.MetricServiceClient, asked: v1.Endpoint) -> None:
    def read(metric: str, label: str = "deployed_model_id") -> dict[str, int]:
        found = metrics.list_time_series(
            name=PROJECT, filter=filter_of(metric, asked), interval=last_hour(), view="FULL"
        )
        return {series.metric.labels[label]: total(series) for series in found}

    # points appear late, and all at once
    wanted = {"2xx": 3, "4xx": 2}
    eventually(lambda: read("response_count", "response_code"), lambda counts: counts == wanted, seconds=60)
    assert list(read("error_count").values()) == [2]
    assert list(read("prediction_count").values()) == [5]
    assert read("prediction_latencies", "latency_type") == {"overhead": 5, "model": 5, "total": 5}


def test_a_point_tells_when_where_and_how_long(metrics: v3.MetricServiceClient, asked: v1.Endpoint) -> None:
    more = ' AND metric.labels.latency_type = "total"'
    (series,) = metrics.list_time_series(
        name=PROJECT,
        filter=filter_of("prediction_latencies", asked, more),
        interval=last_hour(),
        view="FULL",
    )

    assert dict(series.resource.labels) == {
        "resource_container": "local-project",
        "location": "europe-west1",
        "endpoint_id": asked.name.rpartition("/")[2],
    }
    assert series.metric.labels["endpoint_display_name"] == asked.display_name
    assert (series.metric_kind, series.value_type, series.unit) == (
        metric_pb2.MetricDescriptor.DELTA,
        metric_pb2.MetricDescriptor.DISTRIBUTION,
        "ms",
    )
    ends = [point.interval.end_time for point in series.points]
    assert ends == sorted(ends, reverse=True)
    for point in series.points:
        assert point.interval.end_time - point.interval.start_time == timedelta(
            seconds=SAMPLE_SECONDS, milliseconds=-1
        )
        distribution = point.value.distribution_value
        assert sum(distribution.bucket_counts) == distribution.count
        # the mean of latencies in one bucket is in that bucket
        if (counts := list(distribution.bucket_counts)).count(0) == len(counts) - 1 and len(counts) > 1:
            assert 1.4 ** (len(counts) - 2) <= distribution.mean < 1.4 ** (len(counts) - 1)


def test_an_interval_excludes_its_start_and_includes_its_end(
    metrics: v3.MetricServiceClient, asked: v1.Endpoint
) -> None:
    def read(start: datetime, end: datetime) -> int:
        interval = v3.TimeInterval(start_time=start, end_time=end)
        found = metrics.list_time_series(
            name=PROJECT, filter=filter_of("prediction_count", asked), interval=interval, view="FULL"
        )
        return sum(len(series.points) for series in found)

    (series,) = metrics.list_time_series(
        name=PROJECT, filter=filter_of("prediction_count", asked), interval=last_hour(), view="FULL"
    )
    end = series.points[0].interval.end_time

    assert read(end - timedelta(seconds=SAMPLE_SECONDS), end) == 1
    assert read(end, end + timedelta(seconds=SAMPLE_SECONDS)) == 0


def test_a_descriptor_says_how_late_points_are(metrics: v3.MetricServiceClient) -> None:
    name = f"{PROJECT}/metricDescriptors/{PREFIX}prediction_latencies"
    descriptor = metrics.get_metric_descriptor(name=name)

    assert descriptor.name == name
    assert (descriptor.unit, list(descriptor.monitored_resource_types)) == (
        "ms",
        ["aiplatform.googleapis.com/Endpoint"],
    )
    assert "latency_type" in [label.key for label in descriptor.labels]
    late = (descriptor.metadata.sample_period, descriptor.metadata.ingest_delay)
    assert [part.ToTimedelta() for part in late] == [
        timedelta(seconds=SAMPLE_SECONDS),
        timedelta(seconds=0.1),
    ]


def test_rest_gives_the_same(metrics: v3.MetricServiceClient, asked: v1.Endpoint) -> None:
    interval = last_hour()
    question = {
        "filter": filter_of("error_count", asked),
        "interval.startTime": interval.start_time.rfc3339(),
        "interval.endTime": interval.end_time.rfc3339(),
    }
    answer = requests.get(f"{MONITORING}/{PROJECT}/timeSeries", params=question, timeout=120).json()
    descriptor = requests.get(
        f"{MONITORING}/{PROJECT}/metricDescriptors/{PREFIX}error_count", timeout=120
    ).json()

    assert [sum(int(point["value"]["int64Value"]) for point in answer["timeSeries"][0]["points"])] == [2]
    assert (descriptor["metricKind"], descriptor["valueType"]) == ("DELTA", "INT64")
    assert descriptor["metadata"] == {"samplePeriod": "0.250s", "ingestDelay": "0.100s"}


@pytest.mark.parametrize(
    ("fields", "error", "reason"),
    [
        ({"name": "local-project"}, exceptions.InvalidArgument, "Invalid resource name in name"),
        ({"name": "projects/another"}, exceptions.PermissionDenied, "another"),
        ({"filter": ""}, exceptions.InvalidArgument, "single metric type"),
        (
            {"filter": 'resource.type = "aiplatform.googleapis.com/Endpoint"'},
            exceptions.InvalidArgument,
            "single metric type",
        ),
        ({"filter": f'metric.type = "{PREFIX}replicas"'}, exceptions.NotFound, "online/replicas"),
        ({"filter": f'{RESPONSES} AND resource.type = "gce"'}, exceptions.InvalidArgument, "combination"),
        ({"filter": f'{RESPONSES} AND metric.labels.x = "1"'}, exceptions.InvalidArgument, ": x"),
        ({"filter": f'{RESPONSES} OR metric.type = "x"'}, exceptions.MethodNotImplemented, "filter 'metric"),
        (
            {"filter": f'{RESPONSES} AND metric.labels.spot = starts_with("T")'},
            exceptions.MethodNotImplemented,
            "starts_with",
        ),
        ({"interval": {"start_time": {"seconds": 1}}}, exceptions.InvalidArgument, "end_time is required"),
        ({"interval": {"end_time": {"seconds": 1}}}, exceptions.InvalidArgument, "start_time is required"),
        (
            {"interval": {"start_time": {"seconds": 2}, "end_time": {"seconds": 1}}},
            exceptions.InvalidArgument,
            "before",
        ),
        ({"order_by": "points"}, exceptions.InvalidArgument, "order_by"),
        ({"view": "HEADERS"}, exceptions.MethodNotImplemented, "view HEADERS"),
        ({"page_size": 5}, exceptions.MethodNotImplemented, "page_size"),
        (
            {"aggregation": {"cross_series_reducer": "REDUCE_SUM"}},
            exceptions.InvalidArgument,
            "per_series_aligner is required",
        ),
        (
            {"aggregation": {"per_series_aligner": "ALIGN_RATE", "alignment_period": {"seconds": 60}}},
            exceptions.MethodNotImplemented,
            "per_series_aligner ALIGN_RATE",
        ),
        ({"secondary_aggregation": {}}, exceptions.MethodNotImplemented, "secondary_aggregation"),
    ],
)
def test_what_is_wrong_or_not_served_is_refused_by_name(
    metrics: v3.MetricServiceClient, fields: dict[str, Any], error: type[Exception], reason: str
) -> None:
    request = {"name": PROJECT, "filter": RESPONSES, "interval": last_hour(), **fields}

    with pytest.raises(error, match=reason):
        metrics.list_time_series(request=request, retry=None)


def test_other_methods_are_refused_by_name(metrics: v3.MetricServiceClient) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match=r"monitoring.v3.MetricService.ListMetricDesc"):
        metrics.list_metric_descriptors(name=PROJECT, retry=None)

    response = requests.post(f"{MONITORING}/{PROJECT}/timeSeries", json={}, timeout=120)
    assert (response.status_code, response.json()["error"]["status"]) == (501, "UNIMPLEMENTED")
