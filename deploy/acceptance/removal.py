"""Remove the resources of runs: those that this one has registered, and those that an earlier one left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from deploy.acceptance.project import Project
from deploy.acceptance.waiting import wait
from deploy.terminal.progress import Progress

# label of everything that has labels
LABEL = "wine_acceptance"
# begin of every name
NAME = "wine-acceptance"
# folder in the bucket
FOLDER = "acceptance"

_REQUEST_SECONDS = 60.0
_OPERATION_SECONDS = 2700.0
_SETTLE_SECONDS = 300.0
# the monitoring job's own log of an endpoint's requests
# https://cloud.google.com/vertex-ai/docs/model-monitoring/using-model-monitoring
_MONITORING_DATASET = "model_deployment_monitoring_{endpoint_id}"


class Removal:
    """
    Finds and removes the resources of runs, by label, name and folder.

    :param project: of all of it.
    :param progress: tells what is removed.
    """

    def __init__(self, project: Project, progress: Progress) -> None:
        self.project = project
        self.progress = progress
        self._expected: list[tuple[str, str]] = []
        self._operations: list[Any] = []
        # in the order in which they can be removed
        self._kinds: dict[str, tuple[Callable[[], Iterator[str]], Callable[[str], None]]] = {
            "monitoring job": (self._monitoring_jobs, self._remove_monitoring_job),
            "endpoint": (self._endpoints, self._remove_endpoint),
            "model": (self._models, self._remove_model),
            "pipeline job": (self._pipeline_jobs, self._remove_pipeline_job),
            "dataset": (self._datasets, self._remove_dataset),
            "folder": (self._folders, self._remove_folder),
        }

    def expect(self, kind: str, name: str) -> None:
        """
        Register a resource that is about to be created.

        :param kind: ``monitoring job``, ``endpoint``, ``model``, ``pipeline job``, ``dataset``, ``folder``.
        :param name: id, or prefix of the objects.
        """
        if (kind, name) not in self._expected:
            self._expected.append((kind, name))

    def watch(self, operation: Any) -> Any:
        """
        Register a long-running operation, which must end before its resource can be removed.

        :param operation: the operation; it is returned.
        """
        self._operations.append(operation)
        return operation

    def found(self) -> list[str]:
        """Return the resources of any run."""
        return [f"{kind} {name}" for kind, (find, _) in self._kinds.items() for name in find()]

    def run(self) -> list[str]:
        """
        Remove everything, even if a part of it fails.

        :return: what could not be removed, and why.
        """
        from google.api_core.exceptions import GoogleAPIError, NotFound
        from google.auth.exceptions import GoogleAuthError

        problems = []
        self._let_operations_end()
        for kind, (find, remove) in self._kinds.items():
            names = [name for of_kind, name in self._expected if of_kind == kind]
            try:
                names += [name for name in find() if name not in names]
            except (GoogleAPIError, GoogleAuthError, OSError) as error:
                problems.append(f"{kind}s cannot be listed: {error}")
            for name in names:
                try:
                    self.progress.line(f"removing {kind} {name}")
                    remove(name)
                except NotFound:
                    continue
                except (GoogleAPIError, GoogleAuthError, OSError) as error:
                    problems.append(f"{kind} {name}: {' '.join(str(error).split())}")
        self._expected.clear()
        return problems

    def _let_operations_end(self) -> None:
        from google.api_core.exceptions import GoogleAPIError

        for operation in self._operations:
            with suppress(GoogleAPIError, TimeoutError):
                if not operation.done():
                    # if it cannot be cancelled, it runs to its end
                    with suppress(GoogleAPIError):
                        operation.cancel()
                    self._wait(
                        f"{operation.metadata.__class__.__name__.removesuffix('Metadata')} to end",
                        operation.done,
                    )
        self._operations.clear()

    def _wait(self, what: str, done: Callable[[], bool]) -> None:
        def look() -> tuple[str, bool | None]:
            return f"waiting for {what}", done() or None

        wait(self.progress, what, look, _OPERATION_SECONDS)

    def _finish(self, operation: Any) -> None:
        self._wait("the removal", operation.done)
        operation.result()

    def _request(self) -> dict[str, Any]:
        return {"parent": self.project.parent, "filter": f"labels.{LABEL}:*"}

    def _monitoring_jobs(self) -> Iterator[str]:
        request = self._request()
        for job in self.project.jobs.list_model_deployment_monitoring_jobs(
            request=request, timeout=_REQUEST_SECONDS
        ):
            yield job.name.rpartition("/")[2]

    def _remove_monitoring_job(self, job_id: str) -> None:
        from google.cloud.aiplatform_v1.types import JobState

        jobs, name = self.project.jobs, f"{self.project.parent}/modelDeploymentMonitoringJobs/{job_id}"

        def state() -> Any:
            return jobs.get_model_deployment_monitoring_job(name=name, timeout=_REQUEST_SECONDS).state

        unsettled = {JobState.JOB_STATE_PENDING, JobState.JOB_STATE_UPDATING}
        self._wait(f"monitoring job {job_id} to settle", lambda: state() not in unsettled)
        if state() == JobState.JOB_STATE_RUNNING:
            jobs.pause_model_deployment_monitoring_job(name=name, timeout=_REQUEST_SECONDS)
        self._finish(jobs.delete_model_deployment_monitoring_job(name=name, timeout=_REQUEST_SECONDS))

    def _endpoints(self) -> Iterator[str]:
        for endpoint in self.project.endpoints.list_endpoints(
            request=self._request(), timeout=_REQUEST_SECONDS
        ):
            yield endpoint.name.rpartition("/")[2]

    def _remove_endpoint(self, endpoint_id: str) -> None:
        endpoints, name = self.project.endpoints, f"{self.project.parent}/endpoints/{endpoint_id}"
        endpoint = endpoints.get_endpoint(name=name, timeout=_REQUEST_SECONDS)
        if job := endpoint.model_deployment_monitoring_job:
            self._remove_monitoring_job(job.rpartition("/")[2])
        # while the endpoint that names it exists
        self._remove_dataset(_MONITORING_DATASET.format(endpoint_id=endpoint_id))
        for deployed in endpoint.deployed_models:
            self._finish(
                endpoints.undeploy_model(
                    endpoint=name, deployed_model_id=deployed.id, timeout=_REQUEST_SECONDS
                )
            )
        self._finish(endpoints.delete_endpoint(name=name, timeout=_REQUEST_SECONDS))

    def _models(self) -> Iterator[str]:
        for model in self.project.models.list_models(request=self._request(), timeout=_REQUEST_SECONDS):
            yield model.name.rpartition("/")[2].partition("@")[0]

    def _remove_model(self, model_id: str) -> None:
        from google.api_core.exceptions import FailedPrecondition

        name = f"{self.project.parent}/models/{model_id}"

        def delete() -> tuple[str, Any]:
            try:
                return "", self.project.models.delete_model(name=name, timeout=_REQUEST_SECONDS)
            except FailedPrecondition as error:
                # for some time after its undeployment, a model may still count as deployed:
                # https://github.com/googleapis/python-aiplatform/issues/2807
                return f"model {model_id}: {' '.join(str(error).split())}", None

        self._finish(wait(self.progress, f"model {model_id}", delete, _SETTLE_SECONDS))

    def _pipeline_jobs(self) -> Iterator[str]:
        for job in self.project.pipelines.list_pipeline_jobs(
            request=self._request(), timeout=_REQUEST_SECONDS
        ):
            yield job.name.rpartition("/")[2]

    def _remove_pipeline_job(self, job_id: str) -> None:
        from google.api_core.exceptions import FailedPrecondition

        pipelines, name = self.project.pipelines, f"{self.project.parent}/pipelineJobs/{job_id}"

        def ended() -> bool:
            return bool(pipelines.get_pipeline_job(name=name, timeout=_REQUEST_SECONDS).end_time)

        if not ended():
            # it may have ended meanwhile
            with suppress(FailedPrecondition):
                pipelines.cancel_pipeline_job(name=name, timeout=_REQUEST_SECONDS)
            self._wait(f"pipeline job {job_id} to end", ended)
        job = pipelines.get_pipeline_job(name=name, timeout=_REQUEST_SECONDS)
        self._finish(pipelines.delete_pipeline_job(name=name, timeout=_REQUEST_SECONDS))
        self._remove_records(job)

    def _remove_records(self, job: Any) -> None:
        """Remove what remains of a pipeline job: its tasks' custom jobs, executions and artifacts."""
        from google.api_core.exceptions import GoogleAPICallError

        metadata, detail = self.project.metadata, job.job_detail
        calls: list[tuple[Any, str]] = []
        for task in detail.task_details:
            main_job = task.executor_detail.container_detail.main_job
            calls.append((self.project.jobs.delete_custom_job, main_job))
            calls += [
                (metadata.delete_artifact, artifact.name)
                for output in task.outputs.values()
                for artifact in output.artifacts
            ]
            calls.append((metadata.delete_execution, task.execution.name))
        calls.append((metadata.delete_context, detail.pipeline_run_context.name))
        for delete, name in calls:
            # they cost nothing and are gone already, or this service is not there
            with suppress(GoogleAPICallError):
                if name:
                    self._finish(delete(name=name, timeout=_REQUEST_SECONDS))

    def _datasets(self) -> Iterator[str]:
        for dataset in self.project.bigquery.list_datasets(filter=f"labels.{LABEL}"):
            yield dataset.dataset_id

    def _remove_dataset(self, dataset_id: str) -> None:
        name = f"{self.project.project}.{dataset_id}"
        self.project.bigquery.delete_dataset(name, delete_contents=True, not_found_ok=True)

    def _folders(self) -> Iterator[str]:
        blobs = self.project.storage.list_blobs(self.project.bucket, prefix=f"{FOLDER}/", delimiter="/")
        # the prefixes are known when the pages have been read
        list(blobs)
        yield from sorted(blobs.prefixes)

    def _remove_folder(self, prefix: str) -> None:
        for blob in self.project.storage.list_blobs(self.project.bucket, prefix=prefix):
            blob.delete()
