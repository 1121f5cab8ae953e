"""The states that a monitoring job goes through by itself."""

from __future__ import annotations

import datetime
from typing import Any

from google.cloud import aiplatform_v1 as v1

from localcloud.vertex.api.calls import now

# mypy sees the members of a proto-plus enum as plain integers
_State: Any = v1.JobState
_ScheduleState: Any = v1.ModelDeploymentMonitoringJob.MonitoringScheduleState


def settled(job: v1.ModelDeploymentMonitoringJob, delay_seconds: float) -> v1.ModelDeploymentMonitoringJob:
    """
    Move a job that was created or updated a while ago to its running state.

    :param job: as it is stored.
    :param delay_seconds: how long it is pending or updating.
    :return: the same job, in its present state.
    """
    if job.state in (_State.JOB_STATE_PENDING, _State.JOB_STATE_UPDATING):
        changed: Any = job.update_time
        if now() - changed >= datetime.timedelta(seconds=delay_seconds):
            job.state = _State.JOB_STATE_RUNNING
    if job.state != _State.JOB_STATE_RUNNING:
        job.schedule_state = _ScheduleState(0)
    elif job.schedule_state != _ScheduleState.RUNNING:
        job.schedule_state = _ScheduleState.OFFLINE
    return job
