"""At which moment a state of a table is read."""

from __future__ import annotations

import pytest
from vertex_mlops.contract.snapshots import snapshot_time

DAY = 24 * 3_600_000
NOW = 1764028800000


def test_a_table_that_has_rested_for_long_is_read_within_the_reach_of_time_travel() -> None:
    assert snapshot_time(NOW - 20 * DAY, modified=NOW - 20 * DAY, now=NOW) == NOW - DAY


@pytest.mark.parametrize(
    ("version", "modified"), [(NOW - DAY // 2, NOW - DAY // 2), (NOW - 3 * DAY, NOW - DAY)]
)
def test_a_recent_or_a_past_state_is_read_a_millisecond_after_its_change(version: int, modified: int) -> None:
    assert snapshot_time(version, modified=modified, now=NOW) == version + 1
