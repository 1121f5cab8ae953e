"""The states that a monitoring job goes through by itself."""

from __future__ import annotations

import datetime
from typing import Any

from google.cloud import aiplatform_v1 as v1

from localcloud.vertex.api import now

_SETTLING = datetime.timedelta(seconds=1)
# mypy sees the members of a proto-plus enum as plain integers
_State: Any = v1.JobState
_ScheduleState: Any = v1.ModelDeploymentMonitoringJob.MonitoringScheduleState


def settled(job: v1.ModelDeploymentMonitoringJob) -> v1.ModelDeploymentMonitoringJob:
    """Let a job that was created or updated a while ago run."""
    if job.state in (_State.JOB_STATE_PENDING, _State.JOB_STATE_UPDATING):
        changed: Any = job.update_time
        if now() - changed >= _SETTLING:
            job.state = _State.JOB_STATE_RUNNING
    if job.state != _State.JOB_STATE_RUNNING:
        job.schedule_state = _ScheduleState(0)
    elif job.schedule_state != _ScheduleState.RUNNING:
        job.schedule_state = _ScheduleState.OFFLINE
    return job
