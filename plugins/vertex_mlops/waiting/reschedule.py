"""How a task waits without a worker slot."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from airflow.sdk.exceptions import AirflowRescheduleException

if TYPE_CHECKING:
    from airflow.sdk import Context

# a worker needs some seconds to end; the scheduler takes a task that is queued again before for a lost one
MIN_RESCHEDULE_SECONDS = 15.0
# what ends sooner is not worth giving the slot back: a worker takes longer to start
QUICK_SECONDS = 10.0
LOOK_SECONDS = 0.5
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.1, 2.0, 1.5


def pauses(seconds: float) -> Iterator[float]:
    """
    Yield how long to sleep after each poll: little at first, and then longer each time.

    :param seconds: from now, after which there are no further looks; the last pause ends then.
    """
    end = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while (remaining := end - time.monotonic()) > 0:
        yield min(pause, remaining)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def first_execution(context: Context) -> datetime | None:
    """Return when this try of a task was executed first; None if it is now."""
    started: datetime | None = context["ti"].get_first_reschedule_date(context)
    return started


def reschedule_or_fail(
    context: Context, problem: Exception, poll_interval: float, wait_timeout: float
) -> NoReturn:
    """
    Reschedule the task: it holds no worker slot meanwhile, and uses up no retry.

    :param context: the task's context.
    :param problem: what to raise when the time is up.
    :param poll_interval: seconds until then, but not less than ``MIN_RESCHEDULE_SECONDS``.
    :param wait_timeout: seconds since the first execution after which to give up.
    :raises AirflowRescheduleException: tells Airflow when.
    """
    now = datetime.now(UTC)
    started = first_execution(context) or now
    if (now - started).total_seconds() >= wait_timeout:
        raise problem
    raise AirflowRescheduleException(now + timedelta(seconds=max(poll_interval, MIN_RESCHEDULE_SECONDS)))
