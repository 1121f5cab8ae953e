"""Launches without Airflow, and what Vertex AI has of them afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localcloud.clients.environment import process_environment
from localcloud.testing import Cloud, eventually
from tests.pipeline.wine_examples import REPOSITORY

# four times what an idle machine takes
LAUNCH_SECONDS = 800

COMMAND = ("-m", "wine_pipeline", "run")


def python(cloud: Cloud, code: str, *arguments: str) -> str:
    """Run code with Google's clients in a process whose environment leads them to the cloud."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    environment = process_environment(cloud.settings)
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout.strip()


@contextmanager
def launch(
    cloud: Cloud, table: str, folder: Path, *more: str, command: Sequence[str] = COMMAND
) -> Iterator[subprocess.Popen[str]]:
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
            [sys.executable, *command, *flags],
            cwd=REPOSITORY,
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
    eventually(file.read_text, lambda written: text in written, LAUNCH_SECONDS)


def jobs(cloud: Cloud) -> list[str]:
    listing = python(
        cloud,
        """
        from google.cloud import aiplatform

        for job in aiplatform.PipelineJob.list(project="wine-local", location="europe-west1"):
            labels = job.labels
            told = [labels[name] for name in ("wine", "table", "username", "row_count", "data_version")]
            print(job.state.name, *told)
        """,
    )
    return listing.splitlines()


def monitoring(cloud: Cloud) -> dict[str, Any]:
    """Return the endpoint's job, the models that it monitors, those that serve, and the skewed features."""
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


def compared_with(cloud: Cloud, job: str) -> str:
    """Return what the model of a job was compared with."""
    return python(
        cloud,
        """
        import sys
        from google.cloud import aiplatform_v1 as v1

        options = {"api_endpoint": "europe-west1-aiplatform.googleapis.com"}
        job = v1.PipelineServiceClient(client_options=options).get_pipeline_job(name=sys.argv[1])
        (task,) = [task for task in job.job_detail.task_details if task.task_name == "BaselineModel"]
        print(task.outputs["baseline"].artifacts[0].metadata["kind"])
        """,
        job,
    )
