"""The real bq makes the data set that a setup would, with the flags that a dry run prints, in localcloud."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from google.cloud import bigquery

from deploy.terminal.shell import Shell
from localcloud.testing import Cloud
from tests.deploy.checkouts import Checkout
from tests.deploy.gcloud import commands_in, led_to, require


@pytest.mark.timeout(600)
def test_the_data_set_is_missed_made_and_found(
    checkout: Checkout,
    cloud: Cloud,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    require("bq")
    client = bigquery.Client()
    client.delete_dataset("wine_quality", delete_contents=True, not_found_ok=True)
    printed = checkout.run("deploy.resources.setup", "dev", "--dry-run").stdout
    show, make = (
        tuple(shlex.split(command.replace("wine-mlops-dev", cloud.settings.project)))
        for command in commands_in(printed, "bq")[:2]
    )
    for name, value in led_to(cloud, tmp_path).items():
        monkeypatch.setenv(name, value)

    said = []
    for _ in range(2):
        Shell(dry_run=False).create_unless(show, make)
        said.append(capfd.readouterr().out)

    assert shlex.join(make) in said[0]
    assert said[1] == f"{shlex.join(show)}\n# there already\n"
    dataset = client.get_dataset("wine_quality")
    assert (dataset.location, dataset.description) == ("europe-west1", "Wine quality (UCI)")
