"""Which states of a table may be asked for."""

from __future__ import annotations

import pytest
from vertex_mlops.exceptions import DataVersionError
from vertex_mlops.operators.bigquery.data_versions import check_data_version

DAY = 24 * 3_600_000
NOW = 1764028800000
YOUNG = {"created": NOW - 2 * DAY, "modified": NOW - DAY, "now": NOW, "time_travel_hours": 168}
OLD = YOUNG | {"created": NOW - 30 * DAY}
RESTED = OLD | {"modified": NOW - 20 * DAY}
BRIEF = OLD | {"time_travel_hours": 48}


@pytest.mark.parametrize(
    ("version", "table"),
    [
        (YOUNG["created"], YOUNG),
        (YOUNG["modified"], YOUNG),
        (NOW - 7 * DAY, OLD),
        (NOW - 2 * DAY, BRIEF),
        (RESTED["modified"], RESTED),
    ],
)
def test_the_limits_themselves_may_be_asked_for(version: int, table: dict[str, int]) -> None:
    check_data_version("p.d.t", version, **table)


@pytest.mark.parametrize(
    ("version", "table", "problem"),
    [
        (
            YOUNG["modified"] + 1,
            YOUNG,
            "newer than the table's last change, 1763942400000 (2025-11-24 00:00:00.000+00:00)",
        ),
        (
            YOUNG["created"] - 1,
            YOUNG,
            "older than the table, which was created at 1763856000000 (2025-11-23 00:00:00.000+00:00)",
        ),
        (
            NOW - 7 * DAY - 1,
            OLD,
            "older than time travel reaches, which is 168 hours, to 1763424000000 "
            "(2025-11-18 00:00:00.000+00:00)",
        ),
        (
            NOW - 2 * DAY - 1,
            BRIEF,
            "older than time travel reaches, which is 48 hours, to 1763856000000 "
            "(2025-11-23 00:00:00.000+00:00)",
        ),
    ],
)
def test_beyond_a_limit_the_message_names_table_version_and_limit_in_one_line(
    version: int, table: dict[str, int], problem: str
) -> None:
    with pytest.raises(DataVersionError) as error:
        check_data_version("p.d.t", version, **table)

    assert str(error.value).startswith(f"p.d.t: data_version {version} (2025-11-")
    assert str(error.value).endswith(f") is {problem}")
