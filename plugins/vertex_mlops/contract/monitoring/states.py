"""States of a monitoring job."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob

RUNNING = "JOB_STATE_RUNNING"
PAUSED = "JOB_STATE_PAUSED"
FAILED = "JOB_STATE_FAILED"
# in these a job takes neither an update nor a pause
UNSETTLED_STATES = frozenset(
    {"JOB_STATE_UNSPECIFIED", "JOB_STATE_QUEUED", "JOB_STATE_PENDING", "JOB_STATE_UPDATING"}
)


def is_settled(job: ModelDeploymentMonitoringJob) -> bool:
    """Return whether a monitoring job is in a stable state: running, paused or failed."""
    return job.state.name not in UNSETTLED_STATES
