"""How long a task sleeps between two polls, and when one that has given its slot back is started again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from vertex_mlops.waiting import reschedule as waiting
from vertex_mlops.waiting.reschedule import pauses, reschedule_or_fail

from tests.support.task_context import TaskInstance

CONTEXT = {"ti": TaskInstance("dag", "run", "task")}


@pytest.mark.parametrize(("asked", "waits"), [(1, 15), (60, 60)])
def test_a_task_comes_back_no_sooner_than_its_worker_has_ended(asked: float, waits: float) -> None:
    before = datetime.now(UTC)

    with pytest.raises(AirflowRescheduleException) as later:
        reschedule_or_fail(CONTEXT, TimeoutError("the job is still there"), asked, 3600)  # type: ignore[arg-type]

    after = datetime.now(UTC)
    assert before <= later.value.reschedule_date - timedelta(seconds=waits) <= after


def test_what_is_quick_is_noticed_soon_and_what_is_not_is_asked_for_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    looks = []

    for pause in pauses(10):
        looks.append(clock[0])
        clock[0] += pause

    assert [look for look in looks if look < 0.3] == pytest.approx([0, 0.1, 0.25])
    assert len(looks) <= 12
    assert clock[0] == pytest.approx(10)


def test_without_any_time_there_is_no_pause() -> None:
    assert list(pauses(0)) == []
