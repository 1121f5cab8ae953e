"""The alert mail about anomalies."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterable
from email.message import EmailMessage
from typing import Any

from google.cloud import aiplatform_v1 as v1

from localcloud.config import Settings
from localcloud.vertex.monitoring.records import is_anomaly
from localcloud.vertex.resources.names import id_of

log = logging.getLogger(__name__)
_SENDER = "model-monitoring@localcloud.invalid"
_SECONDS = 10


def send_alert(
    settings: Settings,
    job: v1.ModelDeploymentMonitoringJob,
    records: Iterable[v1.ModelMonitoringStatsAnomalies],
) -> None:
    """
    Mail the anomalies to the addresses of a job's alert config; nothing if there are none.

    Source: https://cloud.google.com/vertex-ai/docs/model-monitoring/using-model-monitoring

    :param settings: name the mail server; without one no mail leaves.
    :param job: the job, with the addresses.
    :param records: results of one window.
    """
    to = list(job.model_monitoring_alert_config.email_alert_config.user_emails)
    lines = [line for record in records for line in _lines(record)]
    if not lines or not to or settings.smtp is None:
        return
    message = EmailMessage()
    message["From"], message["To"] = _SENDER, ", ".join(to)
    message["Subject"] = f"Model Monitoring: anomalies on {job.display_name}"
    region = job.name.split("/")[3]
    page = f"{settings.console_url}/agent-platform/locations/{region}/model-deployment-monitoring"
    message.set_content(
        f"The monitoring job {job.display_name} ({job.name})\nof {job.endpoint} has found anomalies:\n\n"
        + "\n".join(lines)
        + f"\n\n{page}/{id_of(job.name)}\n"
    )
    try:
        with smtplib.SMTP(*settings.smtp, timeout=_SECONDS) as server:
            server.send_message(message)
    except OSError as error:
        log.warning("the alert of %s was not mailed: %s", job.name, error)


def _lines(record: v1.ModelMonitoringStatsAnomalies) -> list[str]:
    objective: Any = record.objective
    return [
        f"{feature.feature_display_name}: {objective.name} {window.distribution_deviation:.4f},"
        f" threshold {window.anomaly_detection_threshold:g}, deployed model {record.deployed_model_id},"
        f" from {window.start_time} to {window.end_time}"
        for feature in record.feature_stats
        for window in feature.prediction_stats
        if is_anomaly(window)
    ]
