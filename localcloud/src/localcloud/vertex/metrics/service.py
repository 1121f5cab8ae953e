"""Cloud Monitoring's view of the endpoints: the metrics of their predictions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from google.api import distribution_pb2, label_pb2, metric_pb2, monitored_resource_pb2  # type: ignore[import-untyped]
from google.api_core import exceptions
from google.cloud import monitoring_v3 as v3

from localcloud.config import Settings
from localcloud.vertex.api.calls import Handler, unimplemented
from localcloud.vertex.api.discovery import GET_METRIC_DESCRIPTOR, LIST_TIME_SERIES
from localcloud.vertex.metrics.filter import MetricFilter, parse_filter
from localcloud.vertex.metrics.requests import AnsweredRequest, MetricRequests
from localcloud.vertex.resources.names import id_of, location_of

# a minute in the cloud
SAMPLE_SECONDS = 0.25
_RESOURCE = "aiplatform.googleapis.com/Endpoint"
_RESOURCE_LABELS = ("resource_container", "location", "endpoint_id")
_PREFIX = "aiplatform.googleapis.com/prediction/online/"
# the cloud's are not documented; these are those of its load balancers' latencies
_FINITE_BUCKETS, _GROWTH, _SCALE = 66, 1.4, 1.0
_LATENCY_TYPES: dict[str, Callable[[AnsweredRequest], float]] = {
    "overhead": lambda request: request.overhead_ms,
    "model": lambda request: request.model_ms,
    "total": lambda request: request.overhead_ms + request.model_ms,
}
_Labels = tuple[tuple[str, str], ...]
_DELTA = metric_pb2.MetricDescriptor.DELTA
_INT64 = metric_pb2.MetricDescriptor.INT64
_DISTRIBUTION = metric_pb2.MetricDescriptor.DISTRIBUTION


@dataclass(frozen=True)
class _Metric:
    """
    One metric type.

    :param title: display name.
    :param description: what it counts.
    :param values: gives labels of the metric and a value for each series that a request belongs to.
    :param labels: names of those labels.
    """

    title: str
    description: str
    values: Callable[[AnsweredRequest], Iterator[tuple[_Labels, float]]]
    labels: tuple[str, ...] = ()
    unit: str = "1"
    value_type: int = _INT64


def _predictions(request: AnsweredRequest) -> Iterator[tuple[_Labels, float]]:
    if request.predictions:
        yield (), request.predictions


def _errors(request: AnsweredRequest) -> Iterator[tuple[_Labels, float]]:
    if not 200 <= request.code < 300:
        yield (), 1


def _responses(request: AnsweredRequest) -> Iterator[tuple[_Labels, float]]:
    yield (("response_code", f"{request.code // 100}xx"),), 1


def _latencies(request: AnsweredRequest) -> Iterator[tuple[_Labels, float]]:
    for kind, read in _LATENCY_TYPES.items():
        yield (("latency_type", kind),), read(request)


# Source: https://cloud.google.com/monitoring/api/metrics_gcp_a_b#gcp-aiplatform
_METRICS = {
    "prediction_count": _Metric("Prediction count", "Number of online predictions.", _predictions),
    "error_count": _Metric("Error count", "Number of online prediction errors.", _errors),
    "response_count": _Metric(
        "Response count",
        "Number of different online prediction response codes.",
        _responses,
        ("response_code",),
    ),
    "prediction_latencies": _Metric(
        "Prediction Latencies",
        "Online prediction latency of the deployed model.",
        _latencies,
        ("latency_type",),
        "ms",
        _DISTRIBUTION,
    ),
}
_COMMON_LABELS = ("deployed_model_id", "spot", "model_display_name", "endpoint_display_name")


class MetricService:
    """
    Serve ListTimeSeries, unaggregated, and GetMetricDescriptor for the metrics of endpoints.

    Source: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list

    :param settings: knows the project, and how late a point can be read.
    :param requests: what the metrics count.
    """

    def __init__(self, settings: Settings, requests: MetricRequests) -> None:
        self._settings = settings
        self._requests = requests

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers of MetricService."""
        return {LIST_TIME_SERIES: self._list, GET_METRIC_DESCRIPTOR: self._describe}

    def _describe(self, request: v3.GetMetricDescriptorRequest) -> metric_pb2.MetricDescriptor:
        kind = request.name.partition("/metricDescriptors/")[2]
        metric = _metric(kind)
        descriptor = metric_pb2.MetricDescriptor(
            name=f"projects/{self._settings.project}/metricDescriptors/{kind}",
            type=kind,
            labels=[label_pb2.LabelDescriptor(key=key) for key in (*_COMMON_LABELS, *metric.labels)],
            metric_kind=_DELTA,
            value_type=metric.value_type,
            unit=metric.unit,
            description=metric.description,
            display_name=metric.title,
            monitored_resource_types=[_RESOURCE],
        )
        descriptor.metadata.sample_period.FromMilliseconds(round(SAMPLE_SECONDS * 1000))
        descriptor.metadata.ingest_delay.FromMilliseconds(round(self._settings.metric_delay * 1000))
        return descriptor

    def _list(self, request: v3.ListTimeSeriesRequest) -> v3.ListTimeSeriesResponse:
        _check(request)
        wanted = parse_filter(request.filter)
        metric = _metric(wanted.metric_type)
        _check_labels(wanted, metric)
        begin, end = _periods(request.interval, time.time() - self._settings.metric_delay)
        points: dict[_Labels, dict[_Labels, dict[int, list[float]]]] = {}
        for answered in self._requests.between(begin * SAMPLE_SECONDS, end * SAMPLE_SECONDS):
            resource = self._resource_labels(answered)
            period = int(answered.time // SAMPLE_SECONDS)
            for labels, value in metric.values(answered):
                of_metric = (*_common_labels(answered), *labels)
                if _has(wanted.resource_labels, resource) and _has(wanted.metric_labels, of_metric):
                    series = points.setdefault(resource, {}).setdefault(of_metric, {})
                    series.setdefault(period, []).append(value)
        found = [
            _series(wanted.metric_type, metric, resource, labels, values)
            for resource, of_resource in points.items()
            for labels, values in of_resource.items()
        ]
        return v3.ListTimeSeriesResponse(time_series=found, unit=metric.unit)

    def _resource_labels(self, answered: AnsweredRequest) -> _Labels:
        location = id_of(location_of(answered.endpoint))
        values = (self._settings.project, location, id_of(answered.endpoint))
        return tuple(zip(_RESOURCE_LABELS, values, strict=True))


def _metric(kind: str) -> _Metric:
    metric = _METRICS.get(kind.removeprefix(_PREFIX)) if kind.startswith(_PREFIX) else None
    if metric is None:
        raise exceptions.NotFound(f'Cannot find metric(s) that match type = "{kind}".')
    return metric


def _check(request: v3.ListTimeSeriesRequest) -> None:
    if request.order_by:
        raise exceptions.InvalidArgument("order_by is not supported: it must be left blank.")
    aggregation = request.aggregation
    if aggregation.cross_series_reducer and not aggregation.per_series_aligner:
        raise exceptions.InvalidArgument(
            "aggregation.per_series_aligner is required with a cross_series_reducer."
        )
    for name, value in (
        ("aggregation.per_series_aligner", aggregation.per_series_aligner),
        ("aggregation.cross_series_reducer", aggregation.cross_series_reducer),
        ("view", request.view),
    ):
        if value:
            raise unimplemented(f"{name} {value.name} of ListTimeSeries")
    for name, is_set in (
        # also an empty one
        ("secondary_aggregation", "secondary_aggregation" in request),
        ("page_size", request.page_size),
        ("page_token", request.page_token),
    ):
        if is_set:
            raise unimplemented(f"{name} of ListTimeSeries")


def _check_labels(wanted: MetricFilter, metric: _Metric) -> None:
    if wanted.resource_type not in (None, _RESOURCE):
        raise exceptions.InvalidArgument(
            "The supplied filter does not specify a valid combination of metric and monitored resource"
            " descriptors. The query will not return any time series."
        )
    known = {*_COMMON_LABELS, *metric.labels}
    unknown = sorted({*wanted.metric_labels} - known) + sorted(
        {*wanted.resource_labels} - {*_RESOURCE_LABELS}
    )
    if unknown:
        raise exceptions.InvalidArgument(
            f"The supplied filter names labels that {wanted.metric_type} does not have: {', '.join(unknown)}."
        )


def _periods(interval: v3.TimeInterval, visible: float) -> tuple[int, int]:
    """Return the first period whose point ends in ``(start, end]`` and can be read, and the one after."""
    for name in ("end_time", "start_time"):
        if name not in interval:
            raise exceptions.InvalidArgument(f"interval.{name} is required.")
    # DatetimeWithNanoseconds, which mypy takes for the protobuf message
    start, end = (cast(datetime, moment).timestamp() for moment in (interval.start_time, interval.end_time))
    if start >= end:
        raise exceptions.InvalidArgument("interval.start_time must be before interval.end_time.")
    return math.floor(start / SAMPLE_SECONDS), math.floor(min(end, visible) / SAMPLE_SECONDS)


def _common_labels(answered: AnsweredRequest) -> _Labels:
    values = (
        answered.deployed_model_id,
        "False",
        answered.model_display_name,
        answered.endpoint_display_name,
    )
    return tuple(zip(_COMMON_LABELS, values, strict=True))


def _has(wanted: Mapping[str, str], labels: _Labels) -> bool:
    return wanted.items() <= set(labels)


def _series(
    kind: str, metric: _Metric, resource: _Labels, labels: _Labels, values: Mapping[int, list[float]]
) -> v3.TimeSeries:
    return v3.TimeSeries(
        metric=metric_pb2.Metric(type=kind, labels=dict(labels)),
        resource=monitored_resource_pb2.MonitoredResource(type=_RESOURCE, labels=dict(resource)),
        metric_kind=_DELTA,
        value_type=metric.value_type,
        unit=metric.unit,
        # the most recent first
        points=[_point(metric, period, values[period]) for period in sorted(values, reverse=True)],
    )


def _point(metric: _Metric, period: int, values: list[float]) -> v3.Point:
    # an interval of DELTA points begins a millisecond after the end of the one before
    start, end = period * SAMPLE_SECONDS + 0.001, (period + 1) * SAMPLE_SECONDS
    interval = {"start_time": _moment(start), "end_time": _moment(end)}
    if metric.value_type == _DISTRIBUTION:
        return v3.Point(interval=interval, value={"distribution_value": _distribution(values)})
    return v3.Point(interval=interval, value={"int64_value": int(sum(values))})


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _distribution(values: list[float]) -> Any:
    mean = sum(values) / len(values)
    counts = [0] * (_FINITE_BUCKETS + 2)
    for value in values:
        counts[_bucket(value)] += 1
    while not counts[-1]:
        counts.pop()
    distribution = distribution_pb2.Distribution(
        count=len(values),
        mean=mean,
        sum_of_squared_deviation=sum((value - mean) ** 2 for value in values),
        bucket_counts=counts,
    )
    buckets = distribution.bucket_options.exponential_buckets
    buckets.num_finite_buckets, buckets.growth_factor, buckets.scale = _FINITE_BUCKETS, _GROWTH, _SCALE
    return distribution


def _bucket(value: float) -> int:
    """Return the index of a value's bucket: the lower bound of bucket i is scale * growth ** (i - 1)."""
    if value < _SCALE:
        return 0
    return min(1 + math.floor(math.log(value / _SCALE, _GROWTH)), _FINITE_BUCKETS + 1)
