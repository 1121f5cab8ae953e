"""Probes of Vertex AI Model Monitoring."""

from __future__ import annotations

from typing import Any

from deploy.acceptance.bench import REQUEST_SECONDS, Bench
from deploy.acceptance.probes import NotHeldError, Probe, hold

_SETTLE_SECONDS = 1800.0


def _job(bench: Bench) -> Any:
    return bench.project.jobs.get_model_deployment_monitoring_job(
        name=bench.monitoring_job, timeout=REQUEST_SECONDS
    )


def _settled(bench: Bench) -> Any:
    from google.cloud.aiplatform_v1.types import JobState

    unsettled = {JobState.JOB_STATE_PENDING, JobState.JOB_STATE_UPDATING}

    def look() -> tuple[str, Any]:
        job = _job(bench)
        return f"the monitoring job is {job.state.name}", None if job.state in unsettled else job

    job = bench.wait("the monitoring job to settle", look, _SETTLE_SECONDS)
    said = " ".join(job.error.message.split())
    hold(job.state == JobState.JOB_STATE_RUNNING, f"the monitoring job is {job.state.name}: {said}")
    return job


def _create(bench: Bench) -> str:
    name = bench.monitoring_job
    endpoint = bench.project.endpoints.get_endpoint(name=bench.endpoint, timeout=REQUEST_SECONDS)
    found = endpoint.model_deployment_monitoring_job
    hold(found.rpartition("/")[2] == name.rpartition("/")[2], f"the endpoint names {found!r} as its job")
    return "accepted with a sample instance and training data, and named by its endpoint at once"


def _second(bench: Bench) -> str:
    from google.api_core.exceptions import AlreadyExists

    first = bench.monitoring_job
    try:
        with bench.making("endpoint", bench.endpoint_request()["endpoint_id"]):
            bench.project.jobs.create_model_deployment_monitoring_job(
                request=bench.monitoring_request(), timeout=REQUEST_SECONDS
            )
    except AlreadyExists:
        return f"next to {first.rpartition('/')[2]}: ALREADY_EXISTS"
    raise NotHeldError("the endpoint got a second monitoring job")


def _running(bench: Bench) -> str:
    job = _settled(bench)
    tables = [table.bigquery_table_path for table in job.bigquery_tables]
    wanted = f"model_deployment_monitoring_{bench.endpoint.rpartition('/')[2]}"
    hold(any(f".{wanted}." in table for table in tables), f"its tables are {tables}")
    return f"RUNNING; logs to {', '.join(tables)}"


def _update(bench: Bench) -> str:
    job = _settled(bench)
    changed = type(job)(
        name=job.name, logging_sampling_strategy={"random_sample_config": {"sample_rate": 0.5}}
    )
    request = {
        "model_deployment_monitoring_job": changed,
        "update_mask": {"paths": ["logging_sampling_strategy"]},
    }
    operation = bench.project.jobs.update_model_deployment_monitoring_job(
        request=request, timeout=REQUEST_SECONDS
    )
    bench.result("the update", bench.removal.watch(operation), _SETTLE_SECONDS)
    rate = _settled(bench).logging_sampling_strategy.random_sample_config.sample_rate
    hold(rate == 0.5, f"the sampling rate is {rate:g} after an update to 0.5")
    return "one field changed by its mask; the job is RUNNING again"


def _search(bench: Bench) -> str:
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringObjectiveType

    kinds: Any = ModelDeploymentMonitoringObjectiveType
    objectives = [{"type_": kind} for kind in (kinds.RAW_FEATURE_SKEW, kinds.RAW_FEATURE_DRIFT)]
    pages = bench.project.jobs.search_model_deployment_monitoring_stats_anomalies(
        request={
            "model_deployment_monitoring_job": bench.monitoring_job,
            "deployed_model_id": bench.deployed_model,
            "objectives": objectives,
        },
        timeout=REQUEST_SECONDS,
    )
    found = list(pages)
    return f"{len(found)} statistics before the first window, and no error"


def _logging_refused(bench: Bench) -> str:
    from google.api_core.exceptions import FailedPrecondition, InvalidArgument

    bench.monitoring_job  # noqa: B018 (it must be there)
    config = {
        "enabled": True,
        "sampling_rate": 1.0,
        "bigquery_destination": {"output_uri": f"bq://{bench.dataset}.requests"},
    }
    request = {
        "endpoint": {"name": bench.endpoint, "predict_request_response_logging_config": config},
        "update_mask": {"paths": ["predict_request_response_logging_config"]},
    }
    try:
        bench.project.endpoints.update_endpoint(request=request, timeout=REQUEST_SECONDS)
    except (FailedPrecondition, InvalidArgument) as error:
        return f"{type(error).__name__}: {error.message}"
    raise NotHeldError("the logging of a monitored endpoint was enabled")


def _undeployed(bench: Bench) -> str:
    name, deployed_model_id = bench.monitoring_job, bench.deployed_model
    operation = bench.project.endpoints.undeploy_model(
        endpoint=bench.endpoint, deployed_model_id=deployed_model_id, timeout=REQUEST_SECONDS
    )
    bench.result("the undeployment", bench.removal.watch(operation), _SETTLE_SECONDS)
    configs = _job(bench).model_deployment_monitoring_objective_configs
    named = [config.deployed_model_id for config in configs]
    return f"undeployed; {name.rpartition('/')[2]} names {', '.join(named) or 'no model'}"


PROBES = (
    Probe("monitoring-create", "A job as the package creates it is accepted; its endpoint names it", _create),
    Probe("monitoring-second", "A second job of an endpoint is rejected with ALREADY_EXISTS", _second),
    Probe("monitoring-running", "The new job becomes RUNNING and has created its log table", _running),
    Probe("monitoring-update", "An update by mask ends, and the job is RUNNING again", _update),
    Probe("monitoring-search", "A search before the first window returns no error", _search),
    Probe("monitored-logging", "A monitored endpoint's own request log cannot be enabled", _logging_refused),
)
# takes away what the others ask
LAST = (Probe("monitored-undeploy", "A model that a monitoring job names can be undeployed", _undeployed),)
