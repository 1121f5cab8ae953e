"""When a task that has given its slot back is started again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from vertex_mlops.waiting import come_back

from tests.plugins.conftest import TaskInstance

CONTEXT = {"ti": TaskInstance("dag", "run", "task")}


@pytest.mark.parametrize(("asked", "waits"), [(1, 15), (60, 60)])
def test_a_task_comes_back_no_sooner_than_its_worker_has_ended(asked: float, waits: float) -> None:
    before = datetime.now(UTC)

    with pytest.raises(AirflowRescheduleException) as later:
        come_back(CONTEXT, "the job is still there", asked, 3600)  # type: ignore[arg-type]

    after = datetime.now(UTC)
    assert before <= later.value.reschedule_date - timedelta(seconds=waits) <= after
