"""What is read out of the points of Cloud Monitoring's metrics."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api import distribution_pb2, metric_pb2
from google.cloud import monitoring_v3
from vertex_mlops.rollout.prediction_metrics import ServedRequests, percentile, summarize

BEGUN = datetime(2026, 11, 29, 12, tzinfo=UTC)
EXPLICIT = {"explicit_buckets": {"bounds": [0, 100, 200, 400]}}
LINEAR = {"linear_buckets": {"num_finite_buckets": 2, "width": 100, "offset": 0}}
EXPONENTIAL = {"exponential_buckets": {"num_finite_buckets": 3, "growth_factor": 2, "scale": 100}}


def distribution(options: dict[str, Any], counts: list[int]) -> Any:
    return distribution_pb2.Distribution(
        count=sum(counts), mean=150, bucket_options=options, bucket_counts=counts
    )


def series(minutes: dict[int, Any], **labels: str) -> monitoring_v3.TimeSeries:
    """Return a point at the end of each minute, the most recent first."""
    points = []
    for minute in sorted(minutes, reverse=True):
        value = minutes[minute]
        kind = "int64_value" if isinstance(value, int) else "distribution_value"
        end = BEGUN + timedelta(minutes=minute)
        interval = {"start_time": end - timedelta(minutes=1), "end_time": end}
        points.append(monitoring_v3.Point(interval=interval, value={kind: value}))
    return monitoring_v3.TimeSeries(metric=metric_pb2.Metric(labels=labels), points=points)


def test_the_points_of_all_series_add_up() -> None:
    served = summarize(
        responses=[
            series({1: 10, 3: 20}, response_code="2xx"),
            series({2: 2}, response_code="4xx"),
            series({2: 1}, response_code="5xx"),
        ],
        errors=[series({2: 1})],
        predictions=[series({1: 30, 3: 60})],
        latencies=[series({1: distribution(EXPLICIT, [0, 10]), 2: distribution(EXPLICIT, [0, 0, 10])})],
    )

    # up to the older one of the newest points
    until = BEGUN + timedelta(minutes=2)
    assert served == ServedRequests(33, 3, 90, pytest.approx(190), until)


def test_errors_count_where_no_response_tells_of_them() -> None:
    assert summarize([], [series({1: 4})], [], []).failed == 4


def test_no_points_are_no_requests() -> None:
    assert summarize([], [], [], []) == ServedRequests(0, 0, 0, None, None)
    # latencies alone, or responses alone, are not complete
    assert summarize([series({1: 4}, response_code="2xx")], [], [], []).until is None


@pytest.mark.parametrize(
    ("options", "counts", "wanted"),
    [
        # 95 of 100 lie below 195: the bucket from 100 to 200 is taken to be evenly filled
        (EXPLICIT, [0, 0, 100], 195),
        (EXPLICIT, [0, 50, 50], 190),
        (EXPLICIT, [100], 0),
        (EXPLICIT, [0, 0, 0, 0, 100], math.inf),
        (EXPLICIT, [0, 96, 0, 0, 4], 100 * 95 / 96),
        (LINEAR, [0, 0, 100], 195),
        (LINEAR, [0, 0, 0, 100], math.inf),
        (EXPONENTIAL, [100], 95),
        (EXPONENTIAL, [0, 0, 100], 390),
        (EXPONENTIAL, [0, 0, 0, 100], 780),
        (EXPONENTIAL, [0, 0, 0, 0, 100], math.inf),
        # no histogram
        ({}, [], None),
    ],
)
def test_a_percentile_is_read_off_whatever_buckets(
    options: dict[str, Any], counts: list[int], wanted: float | None
) -> None:
    found = percentile([distribution(options, counts)], 0.95)

    assert found == (wanted if wanted is None else pytest.approx(wanted))


def test_a_mean_stands_for_values_without_a_histogram() -> None:
    assert percentile([distribution_pb2.Distribution(count=3, mean=150)], 0.95) == 150


def test_distributions_with_different_buckets_are_read_together() -> None:
    fast, slow = distribution(LINEAR, [0, 90]), distribution(EXPONENTIAL, [0, 0, 10])

    # half of the ten between 200 and 400
    assert percentile([fast, slow], 0.95) == pytest.approx(300)
