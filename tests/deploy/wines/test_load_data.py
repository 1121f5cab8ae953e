"""Loading the wines twice changes nothing, and never overwrites rows of others."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from deploy.wines.load_data import LoadDataError, load_table
from deploy.wines.wine_rows import read_wine
from localcloud.testing import Cloud, free_port
from tests.support.repository import REPOSITORY


@pytest.fixture
def client(cloud: Cloud) -> bigquery.Client:
    """Return a client that came up as any user's does: from its environment."""
    return bigquery.Client()


@pytest.fixture
def table(client: bigquery.Client) -> Iterator[str]:
    """Return the name of a table that does not exist, in a dataset that does."""
    dataset = f"test_{uuid.uuid4().hex}"
    client.create_dataset(dataset)
    yield f"{client.project}.{dataset}.red_wine"
    client.delete_dataset(dataset, delete_contents=True, not_found_ok=True)


@pytest.fixture(scope="module")
def reds() -> list[dict[str, Any]]:
    """Return the 1,599 red wines."""
    return read_wine("red")


def load_data(cloud: Cloud, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as make does: led to no cloud but by its own arguments."""
    environment = {name: value for name, value in os.environ.items() if name not in cloud.environment}
    return subprocess.run(
        [sys.executable, "-m", "deploy.wines.load_data", *arguments],
        cwd=REPOSITORY,
        env=environment | cloud.settings.environment() | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_table_gets_rows_licence_and_source(
    client: bigquery.Client, table: str, reds: list[dict[str, Any]]
) -> None:
    said = load_table(client, table, reds)

    assert said == f"{table}: 1,599 rows loaded"
    loaded = client.get_table(table)
    assert loaded.num_rows == 1599
    assert "CC BY 4.0" in loaded.description
    assert "doi:10.1016/j.dss.2009.05.016" in loaded.description
    assert {field.name: field.field_type for field in loaded.schema}["quality"] == "INTEGER"


def test_loading_again_leaves_the_table_unmodified(
    client: bigquery.Client, table: str, reds: list[dict[str, Any]]
) -> None:
    load_table(client, table, reds)
    before = client.get_table(table)

    said = load_table(client, table, reds)

    after = client.get_table(table)
    assert said == f"{table}: 1,599 rows are already loaded"
    assert (after.modified, after.etag) == (before.modified, before.etag)


def test_rows_that_came_later_stay(client: bigquery.Client, table: str, reds: list[dict[str, Any]]) -> None:
    load_table(client, table, reds)
    client.load_table_from_json(reds[:10], table).result()
    before = client.get_table(table)

    assert load_table(client, table, reds) == f"{table}: 1,609 rows are already loaded"

    assert client.get_table(table).modified == before.modified


def test_other_rows_replace_those_that_were_loaded(
    client: bigquery.Client, table: str, reds: list[dict[str, Any]]
) -> None:
    load_table(client, table, reds)

    assert load_table(client, table, reds[:100]) == f"{table}: 100 rows loaded"

    assert client.get_table(table).num_rows == 100
    assert load_table(client, table, reds[:100]) == f"{table}: 100 rows are already loaded"


def test_a_table_may_spell_its_columns_in_another_case(
    client: bigquery.Client, table: str, reds: list[dict[str, Any]]
) -> None:
    made = [
        bigquery.SchemaField(name.title(), "INTEGER" if name == "quality" else "FLOAT") for name in reds[0]
    ]
    client.create_table(bigquery.Table(table, made))
    load_table(client, table, reds)

    assert load_table(client, table, reds[:10]) == f"{table}: 10 rows loaded"


def test_other_rows_never_replace_what_somebody_added(
    client: bigquery.Client, table: str, reds: list[dict[str, Any]]
) -> None:
    load_table(client, table, reds)
    client.load_table_from_json(reds[:10], table).result()

    with pytest.raises(LoadDataError, match=r"red_wine has 1,609 rows, not just those that this"):
        load_table(client, table, reds[:100])

    assert client.get_table(table).num_rows == 1609


def test_other_rows_never_replace_what_somebody_corrected(
    client: bigquery.Client, table: str, reds: list[dict[str, Any]]
) -> None:
    load_table(client, table, reds)
    client.query(f"UPDATE `{table}` SET quality = 9 WHERE alcohol > 14").result()
    corrected = client.get_table(table).modified

    with pytest.raises(LoadDataError, match=r"red_wine has 1,599 rows, not just those that this command"):
        load_table(client, table, reds[:100])

    assert client.get_table(table).modified == corrected
    assert load_table(client, table, reds) == f"{table}: 1,599 rows are already loaded"


def test_a_table_of_somebody_else_is_left_alone(
    client: bigquery.Client, table: str, reds: list[dict[str, Any]]
) -> None:
    client.load_table_from_json(reds[:10], table, job_config=bigquery.LoadJobConfig(autodetect=True)).result()

    with pytest.raises(LoadDataError, match=r"red_wine has 10 rows, not just those that this"):
        load_table(client, table, reds)


def test_a_load_that_failed_is_done_again(
    client: bigquery.Client, table: str, reds: list[dict[str, Any]]
) -> None:
    broken = [{**reds[0], "quality": "good"}]
    with pytest.raises(Exception, match="quality"):
        load_table(client, table, broken)

    assert load_table(client, table, reds) == f"{table}: 1,599 rows loaded"


def test_the_command_loads_both_wines_into_the_local_cloud_once(
    cloud: Cloud, client: bigquery.Client
) -> None:
    port = str(cloud.settings.port)
    dataset = f"{client.project}.wine_quality"
    client.delete_dataset(dataset, delete_contents=True, not_found_ok=True)

    first = load_data(cloud, "local", LOCALCLOUD_PORT=port)
    modified = {wine: client.get_table(f"{dataset}.{wine}_wine").modified for wine in ("white", "red")}
    second = load_data(cloud, "local", LOCALCLOUD_PORT=port)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "white_wine: 4,898 rows loaded\n" in first.stdout
    assert "red_wine: 1,599 rows loaded\n" in first.stdout
    assert "white_wine: 4,898 rows are already loaded\n" in second.stdout
    assert "red_wine: 1,599 rows are already loaded\n" in second.stdout
    again = {wine: client.get_table(f"{dataset}.{wine}_wine").modified for wine in ("white", "red")}
    assert again == modified


def test_a_localcloud_with_another_state_is_named(cloud: Cloud, tmp_path: Path) -> None:
    done = load_data(cloud, "local", "--wine", "red", LOCALCLOUD_STATE=str(tmp_path))

    assert done.returncode == 1
    assert done.stderr == (
        f"load_data: the localcloud on port {cloud.settings.port} has its state in {cloud.settings.state},"
        f" and LOCALCLOUD_STATE is {tmp_path}\n"
    )


def test_without_an_environment_the_clients_own_one_counts(cloud: Cloud, client: bigquery.Client) -> None:
    done = load_data(cloud, "--wine", "red", **cloud.environment)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{client.project}.wine_quality.red_wine: 1,599 rows")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["local"], "no localcloud answers on port {port}: start it with make up"),
        (["local", "--wine", "rose"], "rose: not in dags/wine_config.yaml"),
        (
            ["local", "--csv", "a.csv"],
            "one CSV contains one wine: name it with --wine (WINE=), or use {{wine}} in",
        ),
        (["local", "--csv", "/nowhere/{wine}.csv"], "/nowhere/white.csv: No such file or directory"),
        (["staging"], "staging: no such environment in deploy/environments.yaml: dev, prod"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(cloud: Cloud, arguments: list[str], problem: str) -> None:
    port = str(free_port())

    done = load_data(cloud, *arguments, LOCALCLOUD_PORT=port)

    assert done.returncode == 1
    assert done.stderr.startswith("load_data: " + problem.format(port=port))
    assert done.stderr.count("\n") == 1


def test_a_wrong_variable_of_localcloud_is_one_line(cloud: Cloud) -> None:
    done = load_data(cloud, "local", LOCALCLOUD_PORT="http")

    assert done.returncode == 1
    assert done.stderr == "load_data: LOCALCLOUD_PORT must be a port from 1 to 65535, not http\n"
