"""Airflow on SQLite answers calls that write at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import requests

from tests.plugins.live.runs import Runs

CALLS = 40


def test_calls_that_write_at_the_same_time_are_all_answered(runs: Runs) -> None:
    url = runs.stack.airflow.url
    token = requests.get(f"{url}/auth/token", timeout=30).json()["access_token"]

    def write(number: int) -> int:
        answer = requests.post(
            f"{url}/api/v2/variables",
            json={"key": f"written_{number}", "value": "x"},
            headers={"Authorization": f"Bearer {token}"},
            timeout=120,
        )
        return answer.status_code

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert list(pool.map(write, range(CALLS))) == [201] * CALLS
