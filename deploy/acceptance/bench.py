"""The resources that the probes of one run create in the project and share."""

from __future__ import annotations

import hashlib
import secrets
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from deploy import REPOSITORY
from deploy.acceptance.probes import NotAskedError, NotHeldError
from deploy.acceptance.project import Project
from deploy.acceptance.removal import FOLDER, LABEL, NAME, Removal
from deploy.acceptance.waiting import wait
from deploy.deployment import PIPELINE_PYTHON
from deploy.terminal.progress import Progress
from deploy.terminal.signals import deferred_interrupts

T = TypeVar("T")

REQUEST_SECONDS = 60.0
# Vertex AI gives no bound; a first deployment to a region has been seen to take 20 minutes
DEPLOYMENT_SECONDS = 2700.0
PIPELINE_SECONDS = 1800.0
# UploadModel copies the container's image, of half a GB
OPERATION_SECONDS = 900.0


class Shared(Generic[T]):
    """
    A property that is made when it is first asked for, once.

    A failure is the answer to whoever asked first; whoever comes later lacks something.

    :param make: makes it.
    """

    def __init__(self, make: Callable[[Bench], T]) -> None:
        self._make = make
        self._name = make.__name__.replace("_", " ")

    def __get__(self, bench: Bench, owner: type[Bench]) -> T:
        if self not in bench.made:
            try:
                bench.made[self] = self._make(bench)
            except Exception as error:
                bench.made[self] = error
                raise
        value: Any = bench.made[self]
        if isinstance(value, Exception):
            raise NotAskedError(f"there is no {self._name}: {' '.join(str(value).split())}")
        made: T = value
        return made


class Bench:
    """
    The project, and what one run has made in it.

    Each name is registered for removal before the thing is made, and no interrupt comes between a request and
    its answer: so nothing is made that the removal does not know.

    :param project: what is asked.
    :param progress: tells how long waits take.
    :param removal: removes everything at the end.
    :param build: folder for what is compiled on this machine; it is empty.
    """

    def __init__(self, project: Project, progress: Progress, removal: Removal, build: Path) -> None:
        self.project = project
        self.progress = progress
        self.removal = removal
        self.build = build
        self.made: dict[Any, Any] = {}
        # requests that the deployed model has answered
        self.answered = 0
        self.run = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"

    @property
    def name(self) -> str:
        """Display name or id of what this run makes."""
        return f"{NAME}-{self.run}"

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels of the resources that this run creates."""
        return {LABEL: self.run}

    @property
    def folder(self) -> str:
        """Return the ``gs://`` folder of this run."""
        return f"gs://{self.project.bucket}/{FOLDER}/{self.run}"

    def making(self, kind: str, name: str) -> AbstractContextManager[None]:
        """
        Register a name for removal, and hold interrupts back while the thing is asked for.

        :param kind: of the thing, as :class:`Removal` knows it.
        :param name: by which it will be found.
        """
        self.removal.expect(kind, name)
        return deferred_interrupts()

    def wait(self, what: str, look: Callable[[], tuple[str, T | None]], seconds: float) -> T:
        """
        Poll until there is a result.

        :param what: is waited for.
        :param look: gives the present state in words, and the result or None.
        :param seconds: after which to give up.
        :raises TimeoutError: there is no result by then.
        """
        return wait(self.progress, what, look, seconds)

    def result(self, what: str, operation: Any, seconds: float = OPERATION_SECONDS) -> Any:
        """
        Wait for a long-running operation.

        :param what: it does.
        :param operation: it.
        :param seconds: after which to give up.
        """

        def look() -> tuple[str, bool | None]:
            done = operation.done()
            return f"{what}: {'done' if done else 'under way'}", done or None

        self.wait(what, look, seconds)
        return operation.result()

    @Shared
    def material(self) -> Path:
        """Create and upload the folder with the compiled pipeline, the model and the training example."""
        project = self.project
        command = [
            *(str(REPOSITORY / PIPELINE_PYTHON), "-m", "wine_pipeline", "acceptance"),
            *(f"--project={project.project}", f"--region={project.region}", f"--bucket={project.bucket}"),
            *(f"--image={project.deployed.image}", f"--root={self.folder}/root", f"--output={self.build}"),
        ]
        self.progress.line("compiling the pipeline, exporting the model")
        done = subprocess.run(
            command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotAskedError(f"{' '.join(command)} failed: {done.stderr.strip().splitlines()[-1:]}")
        self.removal.expect("folder", f"{FOLDER}/{self.run}/")
        # TensorFlow Serving looks for a numeric folder, Google's prebuilt container next to it
        self._upload(self.build / "model", "model")
        self._upload(self.build / "model", "model/1")
        self._upload(self.build / "examples", "examples")
        return self.build

    @Shared
    def dataset(self) -> str:
        """Return ``project.dataset`` of a dataset whose tables expire after a day."""
        from google.cloud import bigquery

        wanted = bigquery.Dataset(f"{self.project.project}.{LABEL}_{self.run.replace('-', '_')}")
        wanted.location = self.project.region
        wanted.labels = self.labels
        wanted.default_table_expiration_ms = 24 * 3_600_000
        with self.making("dataset", wanted.dataset_id):
            self.project.bigquery.create_dataset(wanted, timeout=REQUEST_SECONDS)
        return f"{wanted.project}.{wanted.dataset_id}"

    @Shared
    def working_job(self) -> str:
        """Return the id of a pipeline job whose only task succeeds."""
        return self._submit("works", "")

    @Shared
    def failing_job(self) -> str:
        """Return the id of a pipeline job whose only task fails with a message."""
        return self._submit("fails", f"asked to fail by {self.name}")

    @Shared
    def model(self) -> str:
        """Return the resource name of the model, which has one version at first."""
        folder = self.material
        self.progress.line(f"uploading {folder / 'model'} as {self.name}")
        with self.making("model", self.name):
            request = self.upload_request("first") | {"model_id": self.name}
            operation = self.removal.watch(
                self.project.models.upload_model(request=request, timeout=REQUEST_SECONDS)
            )
        self.result("the upload", operation)
        return f"{self.project.parent}/models/{self.name}"

    @Shared
    def second_version(self) -> str:
        """Return the resource name of the model's second version."""
        request = self.upload_request("second") | {"parent_model": self.model}
        with deferred_interrupts():
            operation = self.removal.watch(
                self.project.models.upload_model(request=request, timeout=REQUEST_SECONDS)
            )
        uploaded = self.result("the upload of the second version", operation)
        return f"{self.model}@{uploaded.model_version_id}"

    @Shared
    def endpoint(self) -> str:
        """Return the resource name of the endpoint."""
        request = self.endpoint_request()
        with self.making("endpoint", request["endpoint_id"]):
            operation = self.removal.watch(
                self.project.endpoints.create_endpoint(request=request, timeout=REQUEST_SECONDS)
            )
        self.result("the endpoint's creation", operation)
        return f"{self.project.parent}/endpoints/{request['endpoint_id']}"

    @Shared
    def deployment(self) -> Any:
        """Return the operation that deploys the model's first version."""
        machine = {"machine_type": self.project.deployed.machine_type}
        request = {
            "endpoint": self.endpoint,
            "deployed_model": {
                "model": f"{self.model}@1",
                "display_name": self.name,
                "dedicated_resources": {
                    "machine_spec": machine,
                    "min_replica_count": 1,
                    "max_replica_count": 1,
                },
            },
        }
        with deferred_interrupts():
            return self.removal.watch(
                self.project.endpoints.deploy_model(request=request, timeout=REQUEST_SECONDS)
            )

    @Shared
    def deployed_model(self) -> str:
        """Return the id of the deployed model, which gets all traffic."""
        answer = self.result("the deployment", self.deployment, DEPLOYMENT_SECONDS)
        deployed_model_id = str(answer.deployed_model.id)
        request = {
            "endpoint": {"name": self.endpoint, "traffic_split": {deployed_model_id: 100}},
            "update_mask": {"paths": ["traffic_split"]},
        }
        self.project.endpoints.update_endpoint(request=request, timeout=REQUEST_SECONDS)
        return deployed_model_id

    @Shared
    def monitoring_job(self) -> str:
        """Return the resource name of the endpoint's monitoring job."""
        request = self.monitoring_request()
        # found by its endpoint: its id is not ours
        with self.making("endpoint", self.endpoint_request()["endpoint_id"]):
            made = self.project.jobs.create_model_deployment_monitoring_job(
                request=request, timeout=REQUEST_SECONDS
            )
        return str(made.name)

    def monitoring_request(self) -> dict[str, Any]:
        """Return the request that creates a monitoring job, in the form that the package writes."""
        threshold = {"x": {"value": 0.3}}
        training = {
            "gcs_source": {"uris": [f"{self.folder}/examples/Split-train/*"]},
            "data_format": "tf-record",
            "target_field": "y",
        }
        job = {
            "display_name": self.name,
            "endpoint": self.endpoint,
            "labels": self.labels,
            "model_deployment_monitoring_objective_configs": [
                {
                    "deployed_model_id": self.deployed_model,
                    "objective_config": {
                        "training_dataset": training,
                        "training_prediction_skew_detection_config": {"skew_thresholds": threshold},
                        "prediction_drift_detection_config": {"drift_thresholds": threshold},
                    },
                }
            ],
            "model_deployment_monitoring_schedule_config": {"monitor_interval": {"seconds": 3600}},
            "logging_sampling_strategy": {"random_sample_config": {"sample_rate": 1.0}},
            "log_ttl": {"seconds": 86400},
            "sample_predict_instance": {"x": [1.0]},
            "stats_anomalies_base_directory": {"output_uri_prefix": f"{self.folder}/monitoring"},
        }
        return {"parent": self.project.parent, "model_deployment_monitoring_job": job}

    def endpoint_request(self) -> dict[str, Any]:
        """Return the request that creates the endpoint; always the same within a run."""
        digest = int(hashlib.sha256(self.run.encode()).hexdigest(), 16)
        return {
            "parent": self.project.parent,
            "endpoint": {"display_name": self.name, "labels": self.labels},
            "endpoint_id": str(100_000_000 + digest % 900_000_000),
        }

    def upload_request(self, description: str) -> dict[str, Any]:
        """
        Return the request that uploads the model.

        :param description: of the version.
        """
        return {
            "parent": self.project.parent,
            "model": {
                "display_name": self.name,
                "labels": self.labels,
                "artifact_uri": f"{self.folder}/model",
                "container_spec": dict(self.project.deployed.container_spec),
                "version_description": description,
            },
        }

    def ended(self, job_id: str) -> Any:
        """
        Wait for a pipeline job to end, and give it.

        :param job_id: its id.
        :raises NotHeldError: it was cancelled.
        """
        from google.cloud.aiplatform_v1.types import PipelineState

        ends = {f"PIPELINE_STATE_{name}" for name in ("SUCCEEDED", "FAILED", "CANCELLED")}

        def look() -> tuple[str, Any]:
            job = self.project.pipelines.get_pipeline_job(
                name=f"{self.project.parent}/pipelineJobs/{job_id}", timeout=REQUEST_SECONDS
            )
            state = PipelineState(job.state).name
            return f"{job_id} is {state}", job if state in ends else None

        job = self.wait(f"the end of {job_id}", look, PIPELINE_SECONDS)
        if job.state == PipelineState.PIPELINE_STATE_CANCELLED:
            raise NotHeldError(f"{job_id} was cancelled")
        return job

    def job(self, job_id: str, problem: str) -> Any:
        """
        Return a pipeline job of the SDK that is not submitted yet.

        :param job_id: its id.
        :param problem: that its task ends with; none if empty.
        """
        from google.cloud import aiplatform

        return aiplatform.PipelineJob(
            display_name=self.name,
            template_path=str(self.material / "pipeline.json"),
            job_id=job_id,
            parameter_values={"problem": problem},
            labels=self.labels,
            enable_caching=False,
            project=self.project.project,
            location=self.project.region,
        )

    def _submit(self, what: str, problem: str) -> str:
        job_id = f"{self.name}-{what}"
        job = self.job(job_id, problem)
        with self.making("pipeline job", job_id):
            job.submit(service_account=self.project.service_account, create_request_timeout=REQUEST_SECONDS)
        return job_id

    def _upload(self, folder: Path, target: str) -> None:
        bucket = self.project.storage.bucket(self.project.bucket)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = f"{FOLDER}/{self.run}/{target}/{path.relative_to(folder)}"
                bucket.blob(name).upload_from_filename(str(path), timeout=REQUEST_SECONDS)
