"""The source of the metrics, which survives a restart."""

from __future__ import annotations

import time
from pathlib import Path

from localcloud.vertex.metrics.requests import AnsweredRequest, MetricRequests


def test_requests_outlive_a_restart_for_six_weeks(tmp_path: Path) -> None:
    now = time.time()

    def answered(when: float) -> AnsweredRequest:
        return AnsweredRequest(
            when, "projects/1/locations/r/endpoints/2", "3", "wine", "wine", 200, 1, 0.5, 2
        )

    old, new = answered(now - 43 * 86400), answered(now - 41 * 86400)
    # not closed, as after a kill
    before = MetricRequests(tmp_path / "metrics.sqlite")
    before.add(old)
    before.add(new)

    after = MetricRequests(tmp_path / "metrics.sqlite")

    assert before.between(0, now) == after.between(0, now) == [new]
    assert after.between(new.time, new.time) == []
    before.close()
    after.close()
