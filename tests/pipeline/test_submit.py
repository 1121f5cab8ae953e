from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import PipelineJob, PipelineState
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.submit import PipelineFailedError, result_of

from localcloud.environment import process_environment
from tests.conftest import Cloud
from tests.pipeline.conftest import read_uci, started

pytestmark = pytest.mark.timeout(1800)
# four times what an idle machine takes
LAUNCH_SECONDS = 800


def test_a_paused_job_is_not_followed_for_ever() -> None:
    paused = PipelineJob(name="projects/1/pipelineJobs/wine", state=PipelineState.PIPELINE_STATE_PAUSED)

    with pytest.raises(PipelineFailedError, match="projects/1/pipelineJobs/wine is paused"):
        result_of(paused)


@pytest.fixture(scope="module")
def cloud(make_cloud: Callable[[], Cloud]) -> Iterator[Cloud]:
    """Start a localcloud of its own; this process is not led to it."""
    with started(make_cloud()) as running:
        yield running


def python(cloud: Cloud, code: str, *arguments: str) -> str:
    """Run code with Google's clients in a process whose environment leads them to the cloud."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    environment = process_environment(cloud.settings)
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout.strip()


@contextmanager
def launch(cloud: Cloud, table: str, folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """Start the lab's command line, and end it; what it prints goes to out and err in the folder."""
    flags = [
        *more,
        "--google_cloud_project=wine-local",
        "--google_cloud_region=europe-west1",
        "--google_cloud_dataset=wine_quality",
        f"--wine_table={table}",
        "--gcs_bucket=ada_mlops_lab",
        "--username=ada",
    ]
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "wine_pipeline", "run", *flags],
            env=process_environment(cloud.settings),
            stdout=out,
            stderr=err,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def wait_for(text: str, file: Path) -> None:
    deadline = time.monotonic() + LAUNCH_SECONDS
    while text not in file.read_text():
        assert time.monotonic() < deadline, f"no {text!r} in {file.read_text()!r}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def loaded(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """Give a cloud with a bucket, the red wines and a table that lacks the first column."""
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
        client.create_table(bigquery.Table("wine-local.wine_quality.short_wine", schema[1:]))
        config = bigquery.LoadJobConfig(schema=schema, source_format="CSV")
        with open(file, "rb") as stream:
            client.load_table_from_file(stream, "wine_quality.red_wine", job_config=config).result()
        client.query_and_wait("CREATE VIEW wine_quality.view_wine AS SELECT * FROM wine_quality.red_wine")
        """,
        str(file),
        ",".join(names),
    )
    return cloud


def jobs(cloud: Cloud) -> list[str]:
    listing = python(
        cloud,
        """
        from google.cloud import aiplatform

        for job in aiplatform.PipelineJob.list(project="wine-local", location="europe-west1"):
            labels = job.labels
            print(labels["wine"], labels["table"], labels["username"], job.state.name, labels["data_version"])
        """,
    )
    return listing.splitlines()


def monitoring(cloud: Cloud) -> dict[str, Any]:
    """Tell which job the endpoint names, which models it watches and which serve, and the skewed features."""
    state = python(
        cloud,
        """
        import json
        from google.cloud import aiplatform_v1 as v1

        options = {"api_endpoint": "europe-west1-aiplatform.googleapis.com"}
        endpoints = v1.EndpointServiceClient(client_options=options)
        (endpoint,) = endpoints.list_endpoints(parent="projects/wine-local/locations/europe-west1")
        job = v1.JobServiceClient(client_options=options).get_model_deployment_monitoring_job(
            name=endpoint.model_deployment_monitoring_job
        )
        (config,) = job.model_deployment_monitoring_objective_configs
        skew = config.objective_config.training_prediction_skew_detection_config.skew_thresholds
        print(json.dumps({
            "job": job.name,
            "watched": [config.deployed_model_id],
            "serving": [name for name, share in endpoint.traffic_split.items() if share],
            "features": sorted(skew),
        }))
        """,
    )
    return json.loads(state)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("wine", "problem"), [("rose", "Not found"), ("view", "is a VIEW; only a TABLE can be trained on")]
)
def test_a_missing_table_or_a_view_is_named_and_no_job_is_made(
    loaded: Cloud, tmp_path: Path, wine: str, problem: str
) -> None:
    with launch(loaded, f"{wine}_wine", tmp_path) as launched:
        assert launched.wait(LAUNCH_SECONDS) == 1

    (line,) = (tmp_path / "err").read_text().splitlines()
    assert f"wine-local.wine_quality.{wine}_wine" in line
    assert problem in line
    assert not any(job.startswith(wine) for job in jobs(loaded))


# as Vertex AI answers the first use of a project
AGENTS = "Service agents are being provisioned. So please try again in a few minutes."


@pytest.mark.e2e
def test_a_job_is_submitted_and_followed_through_what_passes_and_its_failed_task_named(
    loaded: Cloud, tmp_path: Path
) -> None:
    method, code, words = "PipelineService.CreatePipelineJob", "FAILED_PRECONDITION", AGENTS
    assert loaded.command("fault", "add", method, "--code", code, "--message", words).returncode == 0
    with launch(loaded, "short_wine", tmp_path) as launched:
        wait_for("/pipelineJobs/", tmp_path / "out")
        assert f"asking again after: 400 {AGENTS}" in (tmp_path / "err").read_text()
        loaded.stop()
        wait_for("asking again", tmp_path / "err")
        loaded.start()
        assert launched.wait(LAUNCH_SECONDS) == 1

    err = (tmp_path / "err").read_text()
    assert err.endswith("ended as PIPELINE_STATE_FAILED: BigQueryExampleGen\n")
    assert f"Unrecognized name: {FEATURE_NAMES[0]}" in err
    assert re.search(r"Pusher +NOT_TRIGGERED", (tmp_path / "out").read_text())


@pytest.mark.e2e
def test_a_second_launch_works_and_serves_and_is_watched_at_the_same_endpoint(
    loaded: Cloud, tmp_path: Path
) -> None:
    watched = []
    for _ in range(2):
        with launch(loaded, "red_wine", tmp_path, "--with_monitorer") as launched:
            assert launched.wait(LAUNCH_SECONDS) == 0, (tmp_path / "err").read_text()
        watched.append(monitoring(loaded))

    launches = [job.split() for job in jobs(loaded) if job.startswith("red")]
    version = launches[0][-1]
    assert launches == [["red", "wine_quality-red_wine", "ada", "PIPELINE_STATE_SUCCEEDED", version]] * 2
    endpoints = python(
        loaded,
        """
        from google.cloud import aiplatform

        for endpoint in aiplatform.Endpoint.list(project="wine-local", location="europe-west1"):
            print(endpoint.display_name, sorted(endpoint.traffic_split.values()))
        """,
    )
    assert endpoints.splitlines() in (["wine-red [0, 100]"], ["wine-red [100]"])
    first, second = watched
    assert second["job"] == first["job"]
    for state in watched:
        assert state["watched"] == state["serving"]
        assert state["features"] == sorted(FEATURE_NAMES)
