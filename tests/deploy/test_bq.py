"""The real bq makes the data set that a setup would, with the flags that a dry run prints, in localcloud."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from google.cloud import bigquery

from tests.conftest import Cloud
from tests.deploy.conftest import Checkout
from tests.deploy.gcloud import commands_in, led_to, require


@pytest.mark.timeout(600)
def test_the_data_set_is_missed_made_and_found(checkout: Checkout, cloud: Cloud, tmp_path: Path) -> None:
    require("bq")
    client = bigquery.Client()
    client.delete_dataset("wine_quality", delete_contents=True, not_found_ok=True)
    printed = checkout.run("deploy.setup", "dev", "--dry-run").stdout
    show, make = (
        shlex.split(command.replace("wine-mlops-dev", cloud.settings.project))
        for command in commands_in(printed, "bq")[:2]
    )

    codes = [
        subprocess.run(
            command,
            env=led_to(cloud, tmp_path),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        ).returncode
        for command in (show, make, show)
    ]

    assert codes == [2, 0, 0]
    dataset = client.get_dataset("wine_quality")
    assert (dataset.location, dataset.description) == ("europe-west1", "Wine quality (UCI)")
