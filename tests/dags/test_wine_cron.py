"""Which schedules a user may write."""

from __future__ import annotations

import pytest
from airflow.timetables.trigger import CronTriggerTimetable
from wine_cron import cron_expression

FIVE_FIELDS = "must be five cron fields: minute, hour, day of the month, month, day of the week"
NO_PRESET = f"{FIVE_FIELDS}; or one of @hourly, @daily, @weekly, @monthly, @quarterly, @yearly"
PLAIN = "must be five cron fields of digits, names and */,-#?"
TOO_OFTEN = "must leave at least 5 minutes between two runs"
NEVER = "must be a time that exists: it never comes"


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", FIVE_FIELDS),
        ("0 6 * *", FIVE_FIELDS),
        ("0 0 * * * 0", FIVE_FIELDS),
        ("0 0 1 1 * 0 2030", FIVE_FIELDS),
        ("@once", NO_PRESET),
        ("@midnight", NO_PRESET),
        # a random minute, another one in each process
        ("R 6 * * *", PLAIN),
        ("0 R(1-5) * * *", PLAIN),
        ("\u041e 6 * * *", PLAIN),
        ("0 6 * * *\n", PLAIN),
        ("H 6 * * *", "must be a valid cron expression: Hashed definitions must include hash_id"),
        ("60 6 * * *", "must be a valid cron expression: [60 6 * * *] is not acceptable, out of range"),
        ("0 24 * * *", "must be a valid cron expression: [0 24 * * *] is not acceptable, out of range"),
        ("0 0 0 * *", "must be a valid cron expression: [0 0 0 * *] is not acceptable, out of range"),
        (
            "*/0 * * * *",
            "must be a valid cron expression: [*/0 * * * *] step '0' in field 0 is not acceptable",
        ),
        ("0 0 31 2 *", NEVER),
        ("0 0 30 2 *", NEVER),
        ("0 0 31 4,6,9,11 *", NEVER),
        ("* * * * *", TOO_OFTEN),
        ("*/4 * * * *", TOO_OFTEN),
        # 57 minutes past, then the full hour
        ("*/57 * * * *", TOO_OFTEN),
        ("1,2 6 * * *", TOO_OFTEN),
        ("0,58 0,23 * * *", TOO_OFTEN),
    ],
)
def test_a_schedule_is_refused(expression: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"^must ") as refused:
        cron_expression(expression)

    assert str(refused.value) == says


@pytest.mark.parametrize(
    "expression",
    [
        "@daily",
        "@quarterly",
        "0 6 * * *",
        "*/5 * * * *",
        "30 6 * * MON-FRI",
        "0 0 29 2 *",
        "0 0 L * *",
        "0 6 * * 1#1",
        "0 6 ? * 7",
        "0 6 1 */3 *",
    ],
)
def test_airflow_can_read_an_accepted_schedule(expression: str) -> None:
    timetable = CronTriggerTimetable(cron_expression(expression), timezone="UTC")

    timetable.validate()
