"""What the hook reads of localcloud's metrics, and what it does without."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.api_core.exceptions import Forbidden
from vertex_mlops.hooks.prediction_metrics import USUAL_DELAY, PredictionMetricsHook
from vertex_mlops.rollout.prediction_metrics import MetricDelay, ServedRequests

from localcloud.gateway.faults import Fault, Faults
from localcloud.testing import Cloud
from localcloud.vertex.metrics.service import SAMPLE_SECONDS

NOTHING = ServedRequests(0, 0, 0, None, None)


@pytest.fixture
def hook(cloud: Cloud) -> PredictionMetricsHook:
    return PredictionMetricsHook()


def test_the_descriptors_say_how_late_metrics_are(hook: PredictionMetricsHook, cloud: Cloud) -> None:
    assert hook.read_delay(project_id=cloud.settings.project) == MetricDelay(
        SAMPLE_SECONDS, cloud.settings.metric_delay
    )


def test_without_a_descriptor_they_are_as_late_as_others(hook: PredictionMetricsHook, cloud: Cloud) -> None:
    Faults(cloud.settings.state).add(Fault("MetricService.GetMetricDescriptor", code="NOT_FOUND"))

    # the other metric's says less
    assert hook.read_delay(project_id=cloud.settings.project) == USUAL_DELAY


def test_a_model_that_nobody_has_asked_shows_nothing(hook: PredictionMetricsHook, cloud: Cloud) -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)

    assert (
        hook.read_served(project_id=cloud.settings.project, deployed_model_id="404", since=since) == NOTHING
    )


def test_a_metric_that_no_endpoint_has_written_shows_nothing(
    hook: PredictionMetricsHook, cloud: Cloud
) -> None:
    Faults(cloud.settings.state).add(Fault("MetricService.ListTimeSeries", code="NOT_FOUND", calls=4))
    since = datetime(2026, 1, 1, tzinfo=UTC)

    assert (
        hook.read_served(project_id=cloud.settings.project, deployed_model_id="404", since=since) == NOTHING
    )


def test_an_account_that_may_not_read_them_is_told(hook: PredictionMetricsHook, cloud: Cloud) -> None:
    Faults(cloud.settings.state).add(Fault("MetricService.ListTimeSeries", code="PERMISSION_DENIED"))

    with pytest.raises(Forbidden):
        hook.read_served(
            project_id=cloud.settings.project, deployed_model_id="1", since=datetime(2026, 1, 1, tzinfo=UTC)
        )
