"""What the hook sends, and what localcloud answers."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime

import pytest
from google.api_core.exceptions import NotFound
from google.cloud.aiplatform_v1.types import (
    ModelDeploymentMonitoringJob,
    ModelDeploymentMonitoringObjectiveType,
    SearchModelDeploymentMonitoringStatsAnomaliesRequest,
)
from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook

from tests.plugins.operators.served_models import Endpoint

METHODS = (
    "create_model_monitoring_job",
    "get_model_monitoring_job",
    "find_model_monitoring_job",
    "list_model_monitoring_jobs",
    "update_model_monitoring_job",
    "pause_model_monitoring_job",
    "resume_model_monitoring_job",
    "delete_model_monitoring_job",
    "search_stats_anomalies",
)


def created(endpoint: Endpoint, place: dict[str, str], **labels: str) -> ModelDeploymentMonitoringJob:
    objective = {"prediction_drift_detection_config": {"drift_thresholds": {"ph": {"value": 0.1}}}}
    job = {
        "display_name": "wine-hook",
        "endpoint": endpoint.name,
        "labels": labels,
        "model_deployment_monitoring_objective_configs": [
            {"deployed_model_id": endpoint.deploy("sound"), "objective_config": objective}
        ],
        "model_deployment_monitoring_schedule_config": {"monitor_interval": {"seconds": 3600}},
        "logging_sampling_strategy": {"random_sample_config": {"sample_rate": 1}},
    }
    return ModelMonitoringHook().create_model_monitoring_job(job=ModelDeploymentMonitoringJob(job), **place)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_what_the_providers_hooks_take(method: str) -> None:
    parameters = inspect.signature(getattr(ModelMonitoringHook, method)).parameters

    assert {"region", "project_id", "retry", "timeout", "metadata"} <= set(parameters)
    assert {"gcp_conn_id", "impersonation_chain"} <= set(
        inspect.signature(ModelMonitoringHook.__init__).parameters
    )


def test_jobs_are_listed_by_a_filter_page_by_page(
    place: dict[str, str], endpoint: Endpoint, twin: Endpoint
) -> None:
    hook = ModelMonitoringHook()
    names = {created(each, place, list="both").name for each in (endpoint, twin)}

    pager = hook.list_model_monitoring_jobs(filter="labels.list=both", page_size=1, **place)
    pages = [[job.name for job in page.model_deployment_monitoring_jobs] for page in pager.pages]
    none = list(hook.list_model_monitoring_jobs(filter="labels.list=neither", **place))

    assert [len(page) for page in pages if page] == [1, 1]
    assert {name for page in pages for name in page} == names
    assert none == []


def test_an_endpoint_names_its_job_and_one_that_is_not_there_is_an_error(
    place: dict[str, str], endpoint: Endpoint
) -> None:
    hook = ModelMonitoringHook()
    endpoint_id = endpoint.name.rpartition("/")[2]

    assert hook.find_model_monitoring_job(endpoint_id=endpoint_id, **place) is None
    job_id = created(endpoint, place).name.rpartition("/")[2]
    assert hook.find_model_monitoring_job(endpoint_id=endpoint_id, **place) == job_id
    with pytest.raises(NotFound):
        hook.find_model_monitoring_job(endpoint_id="7", **place)
    with pytest.raises(NotFound):
        hook.get_model_monitoring_job(job_id="7", **place)


def test_a_search_for_anomalies_asks_for_what_was_meant_and_finds_none_where_nothing_was_measured(
    place: dict[str, str], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = ModelMonitoringHook()
    job = created(endpoint, place)
    client = hook.get_job_service_client(place["region"])
    monkeypatch.setattr(hook, "get_job_service_client", lambda region: client)
    sent: list[SearchModelDeploymentMonitoringStatsAnomaliesRequest] = []
    search = client.search_model_deployment_monitoring_stats_anomalies

    def remember(request: SearchModelDeploymentMonitoringStatsAnomaliesRequest, **options: object) -> object:
        sent.append(request)
        return search(request=request, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "search_model_deployment_monitoring_stats_anomalies", remember)
    skew = ModelDeploymentMonitoringObjectiveType.RAW_FEATURE_SKEW
    moment = datetime(2026, 1, 2, tzinfo=UTC)

    found = hook.search_stats_anomalies(
        job_id=job.name.rpartition("/")[2],
        deployed_model_id="1",
        objectives=[skew],
        feature="ph",
        start_time=moment,
        page_size=10,
        **place,
    )
    assert list(found) == []

    (request,) = sent
    assert request.model_deployment_monitoring_job.endswith(job.name.partition("/locations/")[2])
    assert (request.deployed_model_id, request.feature_display_name, request.page_size) == ("1", "ph", 10)
    assert [objective.type_ for objective in request.objectives] == [skew]
    assert request.start_time == moment
    assert "end_time" not in request
