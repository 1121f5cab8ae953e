from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

from tests.pipeline.conftest import REPOSITORY, read_uci

pytestmark = pytest.mark.e2e

LOCALCLOUD = [str(REPOSITORY / ".venv" / "bin" / "python"), "-m", "localcloud"]

Environment = dict[str, str]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def output(command: list[str], environment: Environment) -> str:
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, check=True, capture_output=True, text=True, timeout=60
    ).stdout


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Start a localcloud of its own; give the environment of its clients."""
    state = tmp_path_factory.mktemp("cloud")
    own = os.environ | {"LOCALCLOUD_STATE": str(state), "LOCALCLOUD_PORT": str(free_port())}
    with (state / "up.log").open("w") as log:
        process = subprocess.Popen([*LOCALCLOUD, "up"], cwd=REPOSITORY, env=own, stdout=log, stderr=log)
    try:
        subprocess.run([*LOCALCLOUD, "wait"], cwd=REPOSITORY, env=own, check=True, timeout=150)
        exports = output([*LOCALCLOUD, "env"], own)
        listing = output(["bash", "-c", f"{exports}\nenv -0"], own)
        yield dict(entry.split("=", 1) for entry in listing.split("\0") if entry)
    finally:
        process.terminate()
        process.wait(timeout=60)


def python(cloud: Environment, code: str, *arguments: str) -> str:
    """Run code with Google's clients in a process whose environment leads them to the cloud."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(command, env=cloud, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout.strip()


def run(cloud: Environment, table: str) -> subprocess.CompletedProcess[str]:
    """Call the lab's command line."""
    flags = [
        "--google_cloud_project=wine-local",
        "--google_cloud_region=europe-west1",
        "--google_cloud_dataset=wine_quality",
        f"--wine_table={table}",
        "--gcs_bucket=ada_mlops_lab",
        "--username=ada",
    ]
    return subprocess.run(
        [sys.executable, "-m", "wine_pipeline", "run", *flags],
        env=cloud,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="module")
def loaded(cloud: Environment, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Give a cloud with a bucket, the red wines and an empty table."""
    rows = read_uci("red")
    names = [name for name in rows[0] if name != "good"]
    file = tmp_path_factory.mktemp("rows") / "red.csv"
    lines = [",".join(str(row[name]) for name in names[:-1]) + f",{int(row['quality'])}" for row in rows]
    file.write_text("\n".join(lines))
    python(
        cloud,
        """
        import sys
        from google.cloud import bigquery, storage

        file, names = sys.argv[1], sys.argv[2].split(",")
        storage.Client().create_bucket("ada_mlops_lab")
        client = bigquery.Client()
        client.create_dataset("wine_quality")
        schema = [bigquery.SchemaField(name, "FLOAT") for name in names[:-1]]
        schema.append(bigquery.SchemaField(names[-1], "INTEGER"))
        client.create_table(bigquery.Table("wine-local.wine_quality.empty_wine", schema))
        config = bigquery.LoadJobConfig(schema=schema, source_format="CSV")
        with open(file, "rb") as stream:
            client.load_table_from_file(stream, "wine_quality.red_wine", job_config=config).result()
        """,
        str(file),
        ",".join(names),
    )
    return cloud


def jobs(cloud: Environment) -> list[str]:
    listing = python(
        cloud,
        """
        from google.cloud import aiplatform

        for job in aiplatform.PipelineJob.list(project="wine-local", location="europe-west1"):
            print(job.labels["wine"], job.labels["username"], job.labels["data_version"], job.state.name)
        """,
    )
    return listing.splitlines()


def test_a_missing_table_is_named_and_no_job_is_made(loaded: Environment) -> None:
    done = run(loaded, "rose_wine")

    assert done.returncode == 1
    assert "wine-local.wine_quality.rose_wine" in done.stderr.splitlines()[-1]
    assert not any(job.startswith("rose") for job in jobs(loaded))


def test_a_job_that_fails_names_the_task_and_ends_with_code_1(loaded: Environment) -> None:
    done = run(loaded, "empty_wine")

    assert done.returncode == 1
    assert "ended as PIPELINE_STATE_FAILED" in done.stderr.splitlines()[-1]
    assert "Pusher" in done.stdout
    assert "NOT_TRIGGERED" in done.stdout


@pytest.mark.timeout(600)
def test_a_second_launch_works_and_serves_at_the_same_endpoint(loaded: Environment) -> None:
    first = run(loaded, "red_wine")
    second = run(loaded, "red_wine")

    assert first.returncode == 0, first.stderr[-3000:]
    assert second.returncode == 0, second.stderr[-3000:]
    launches = [job.split() for job in jobs(loaded) if job.startswith("red")]
    assert [(user, state) for _, user, _, state in launches] == [("ada", "PIPELINE_STATE_SUCCEEDED")] * 2
    assert len({version for _, _, version, _ in launches}) == 1
    endpoints = python(
        loaded,
        """
        from google.cloud import aiplatform

        for endpoint in aiplatform.Endpoint.list(project="wine-local", location="europe-west1"):
            print(endpoint.display_name, sorted(endpoint.traffic_split.values()))
        """,
    )
    assert endpoints.splitlines() in (["wine-red [0, 100]"], ["wine-red [100]"])
