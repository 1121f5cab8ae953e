"""Alert mail, apart from its window."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from google.cloud import aiplatform_v1 as v1

from localcloud.config import Settings
from localcloud.testing import MailSink, free_port
from localcloud.vertex.monitoring.mail import send_alert

JOB = v1.ModelDeploymentMonitoringJob(
    name="projects/1/locations/europe-west1/modelDeploymentMonitoringJobs/7",
    display_name="wine",
    model_monitoring_alert_config={
        "email_alert_config": {"user_emails": ["cellar@example.com", "owner@example.com"]}
    },
)


def record(distance: float) -> v1.ModelMonitoringStatsAnomalies:
    window = {"distribution_deviation": distance, "anomaly_detection_threshold": 0.3}
    features: Any = [{"feature_display_name": "alcohol", "prediction_stats": [window]}]
    objective = v1.ModelDeploymentMonitoringObjectiveType.RAW_FEATURE_DRIFT
    return v1.ModelMonitoringStatsAnomalies(
        objective=objective, deployed_model_id="1", feature_stats=features
    )


def test_a_mail_goes_to_all_and_leads_to_the_page(settings: Settings) -> None:
    with MailSink() as sink:
        send_alert(replace(settings, smtp=sink.address), JOB, [record(0.31)])
        (message,) = sink.messages

    assert message["To"] == "cellar@example.com, owner@example.com"
    assert "alcohol: RAW_FEATURE_DRIFT 0.3100, threshold 0.3" in message.get_content()
    page = f"{settings.console_url}/agent-platform/locations/europe-west1/model-deployment-monitoring/7"
    assert page in message.get_content()


def test_none_goes_when_nothing_is_beyond_its_threshold_or_nobody_asked(settings: Settings) -> None:
    with MailSink() as sink:
        send_alert(replace(settings, smtp=sink.address), JOB, [record(0.3)])
        send_alert(replace(settings, smtp=sink.address), v1.ModelDeploymentMonitoringJob(), [record(0.4)])
        send_alert(settings, JOB, [record(0.4)])

        assert sink.messages == []


def test_a_mail_server_that_is_away_is_logged_and_fails_nothing(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        send_alert(replace(settings, smtp=("127.0.0.1", free_port())), JOB, [record(0.4)])

    assert "was not mailed" in caplog.text
