"""How a task waits without a worker slot: for a monitoring job, or for anything else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from airflow.sdk.exceptions import AirflowRescheduleException

from vertex_mlops.exceptions import ModelMonitoringJobUnsettledError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob

# a worker needs some seconds to end; the scheduler takes a task that is queued again before for a lost one
SHORTEST_BREAK = 15.0
# what ends sooner is not worth giving the slot back: a worker takes longer to start
QUICK_SECONDS = 10.0
LOOK_SECONDS = 0.5
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.1, 2.0, 1.5
# names of states of a monitoring job
RUNNING = "JOB_STATE_RUNNING"
PAUSED = "JOB_STATE_PAUSED"
FAILED = "JOB_STATE_FAILED"
# in these a job takes neither an update nor a pause
UNSETTLED_STATES = frozenset(
    {"JOB_STATE_UNSPECIFIED", "JOB_STATE_QUEUED", "JOB_STATE_PENDING", "JOB_STATE_UPDATING"}
)


def pauses(seconds: float) -> Iterator[float]:
    """
    Give how long to sleep after each look: little at first, for what is quick, and then longer each time.

    :param seconds: from now, after which there are no further looks; the last pause ends then.
    """
    end = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while (remaining := end - time.monotonic()) > 0:
        yield min(pause, remaining)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def is_settled(job: ModelDeploymentMonitoringJob) -> bool:
    """Tell whether a monitoring job has come to rest: running, paused or failed."""
    return job.state.name not in UNSETTLED_STATES


def come_back(context: Context, still: str, poll_interval: float, wait_timeout: float) -> NoReturn:
    """
    End this execution of a task, to start it anew later; no slot is held meanwhile, no retry is used up.

    :param context: the task's context.
    :param still: what is waited for, if the time is up.
    :param poll_interval: seconds until then, but not less than ``SHORTEST_BREAK``.
    :param wait_timeout: seconds since the first execution after which to give up.
    :raises AirflowRescheduleException: tells Airflow when.
    :raises ModelMonitoringJobUnsettledError: the time is up.
    """
    problem = ModelMonitoringJobUnsettledError(f"{still} after {wait_timeout:g} s")
    look_again(context, problem, poll_interval, wait_timeout)


def first_execution(context: Context) -> datetime | None:
    """Tell when this try of a task was executed first; None if it is now."""
    started: datetime | None = context["ti"].get_first_reschedule_date(context)
    return started


def look_again(context: Context, problem: Exception, poll_interval: float, wait_timeout: float) -> NoReturn:
    """
    End this execution of a task, to start it anew later; no slot is held meanwhile, no retry is used up.

    :param context: the task's context.
    :param problem: what to raise when the time is up.
    :param poll_interval: seconds until then, but not less than ``SHORTEST_BREAK``.
    :param wait_timeout: seconds since the first execution after which to give up.
    :raises AirflowRescheduleException: tells Airflow when.
    """
    now = datetime.now(UTC)
    started = first_execution(context) or now
    if (now - started).total_seconds() >= wait_timeout:
        raise problem
    raise AirflowRescheduleException(now + timedelta(seconds=max(poll_interval, SHORTEST_BREAK)))
