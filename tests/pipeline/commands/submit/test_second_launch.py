"""The launch without Airflow, from the table to the endpoint and its monitoring job, and the next one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from wine_pipeline.features import FEATURE_NAMES

from localcloud.testing import Cloud
from tests.pipeline.commands.submit.launches import (
    COMMAND,
    LAUNCH_SECONDS,
    compared_with,
    jobs,
    launch,
    monitoring,
    python,
)
from tests.pipeline.wine_examples import read_uci

pytestmark = pytest.mark.timeout(1800)


@pytest.mark.e2e
def test_a_second_launch_works_and_serves_and_is_watched_at_the_same_endpoint(
    loaded: Cloud, tmp_path: Path
) -> None:
    watched, compared = [], []
    command: Sequence[str] = COMMAND
    for _ in range(2):
        with launch(loaded, "red_wine", tmp_path, "--with_monitorer", command=command) as launched:
            assert launched.wait(LAUNCH_SECONDS) == 0, (tmp_path / "err").read_text()
        job = (tmp_path / "out").read_text().splitlines()[-1]
        watched.append(monitoring(loaded))
        compared.append(compared_with(loaded, job))
        # trains no second time
        command = ("-m", "tests.pipeline.commands.submit.replayed_launch", job)

    assert compared == ["majority", "champion"]
    launches = [job.split() for job in jobs(loaded) if " red " in job]
    version = launches[0][-1]
    told = ["red", "wine_quality-red_wine", "ada", str(len(read_uci("red"))), version]
    assert launches == [["PIPELINE_STATE_SUCCEEDED", *told]] * 2
    endpoints = python(
        loaded,
        """
        from google.cloud import aiplatform

        for endpoint in aiplatform.Endpoint.list(project="wine-local", location="europe-west1"):
            shares = [share for share in endpoint.traffic_split.values() if share]
            print(endpoint.display_name, shares, len(endpoint.list_models()))
        """,
    )
    assert endpoints.splitlines() == ["wine-red [100] 2"]
    first, second = watched
    assert second["job"] == first["job"]
    assert second["serving"] != first["serving"]
    for state in watched:
        assert state["watched"] == state["serving"]
        assert state["features"] == sorted(FEATURE_NAMES)
