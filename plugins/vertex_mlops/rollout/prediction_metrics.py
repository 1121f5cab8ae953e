"""What Cloud Monitoring's metrics say about a deployed model, read out of their points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

# Source: https://cloud.google.com/monitoring/api/metrics_gcp_a_b#gcp-aiplatform
PREFIX = "aiplatform.googleapis.com/prediction/online/"
RESOURCE = "aiplatform.googleapis.com/Endpoint"
# the one latency that is always there: what the request spent in Vertex AI, the model included
LATENCY_TYPE = "total"
# 95 % of the requests must be as fast as max_latency_ms
FAST_SHARE = 0.95


class MetricDelay(NamedTuple):
    """
    How late a request shows in the metrics.

    :param sample_period: seconds between two points.
    :param ingest_delay: seconds after which a point can be read for certain.
    """

    sample_period: float
    ingest_delay: float


class ServedRequests(NamedTuple):
    """
    What the metrics show of one deployed model since a moment, from all callers.

    :param requests: how many it answered, with whatever status.
    :param failed: how many of them with another status than 2xx.
    :param predictions: how many predictions it gave.
    :param latency_ms: milliseconds within which 95 % were answered; None if there are no latencies.
    :param until: end of the newest points, up to which the numbers are complete; None if there are none.
    """

    requests: int
    failed: int
    predictions: int
    latency_ms: float | None
    until: datetime | None


def summarize(
    responses: Sequence[Any], errors: Sequence[Any], predictions: Sequence[Any], latencies: Sequence[Any]
) -> ServedRequests:
    """
    Add up the points of the four metrics.

    ``response_count`` has the class of the status, ``4xx``. Whether ``error_count`` counts what a model
    refuses (4xx) is not documented, so the larger number of the two counts.

    :param responses: time series of ``response_count``.
    :param errors: time series of ``error_count``.
    :param predictions: time series of ``prediction_count``.
    :param latencies: time series of ``prediction_latencies``, of the one latency type.
    :return: the totals.
    """
    refused = [series for series in responses if not series.metric.labels["response_code"].startswith("2")]
    distributions = [point.value.distribution_value for series in latencies for point in series.points]
    ends = [_newest(responses), _newest(latencies)]
    return ServedRequests(
        requests=_total(responses),
        failed=max(_total(refused), _total(errors)),
        predictions=_total(predictions),
        latency_ms=percentile(distributions, FAST_SHARE),
        until=min(end for end in ends if end) if all(ends) else None,
    )


def _total(found: Sequence[Any]) -> int:
    return sum(point.value.int64_value for series in found for point in series.points)


def _newest(found: Sequence[Any]) -> datetime | None:
    ends = [point.interval.end_time for series in found for point in series.points]
    return max(ends, default=None)


def percentile(distributions: Sequence[Any], share: float) -> float | None:
    """
    Estimate the value that a share of the values does not exceed, as if each bucket were evenly filled.

    The buckets of the distributions may differ. No value is taken to be negative.

    .. seealso::
        https://cloud.google.com/monitoring/api/v3/distribution-metrics and
        https://cloud.google.com/monitoring/api/ref_v3/rest/v3/TypedValue#Distribution

    :param distributions: ``google.api.Distribution`` messages.
    :param share: between 0 and 1.
    :return: infinity if it lies in the bucket without an end; None if there are no values.
    """
    buckets = [bucket for distribution in distributions for bucket in _buckets(distribution)]
    if not buckets:
        return None
    wanted = share * sum(count for _, _, count in buckets)
    bounds = sorted({bound for low, high, _ in buckets for bound in (low, high)})
    before, below = bounds[0], 0.0
    for bound in bounds:
        reached = sum(count * _share_below(bound, low, high) for low, high, count in buckets)
        if reached >= wanted:
            break
        before, below = bound, reached
    if math.isinf(bound):
        return bound
    return before + (bound - before) * (wanted - below) / (reached - below)


def _share_below(bound: float, low: float, high: float) -> float:
    if bound >= high:
        return 1.0
    return 0.0 if bound <= low or math.isinf(high) else (bound - low) / (high - low)


def _buckets(distribution: Any) -> Iterator[tuple[float, float, int]]:
    """Yield lower bound, upper bound and count of each bucket that is not empty."""
    options = distribution.bucket_options
    kind = options.WhichOneof("options")
    for number, count in enumerate(distribution.bucket_counts):
        if count and kind:
            low, high = _bound(options, kind, number - 1), _bound(options, kind, number)
            yield max(low, 0.0), max(high, 0.0), count
    if distribution.count and not (kind and distribution.bucket_counts):
        # no histogram: the mean stands for all
        yield distribution.mean, distribution.mean, distribution.count


def _bound(options: Any, kind: str, number: int) -> float:
    """Return the upper bound of a bucket: that of the first one is the first finite bound."""
    buckets = getattr(options, kind)
    finite = len(buckets.bounds) - 1 if kind == "explicit_buckets" else buckets.num_finite_buckets
    if number < 0:
        return -math.inf
    if number > finite:
        return math.inf
    if kind == "explicit_buckets":
        return float(buckets.bounds[number])
    if kind == "linear_buckets":
        return float(buckets.offset + buckets.width * number)
    return float(buckets.scale * buckets.growth_factor**number)
