"""Read the state of a model from BigQuery and Vertex AI; each call has a deadline and is not retried."""

from __future__ import annotations

import logging
import re
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as DeadlineExceeded
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from google.api_core.exceptions import GoogleAPICallError, NotFound

from vertex_mlops.contract.monitoring.job import objectives_of
from vertex_mlops.contract.names import CHAMPION_ALIAS, DATA_VERSION_LABEL
from vertex_mlops.contract.pipeline_states import SUCCEEDED
from vertex_mlops.exceptions import SpecError
from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook
from vertex_mlops.links.bigquery import TableLink
from vertex_mlops.links.model_card import ModelCardLink
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.links.vertex_ai import EndpointLink, PipelineJobLink
from vertex_mlops.monitoring.anomalies import RAW_FEATURES
from vertex_mlops.page.compiled import read_contract, read_served_name
from vertex_mlops.page.readings import (
    Distance,
    Monitoring,
    Reading,
    Readings,
    Service,
    Table,
    Training,
    Version,
)
from vertex_mlops.rollout.deployed_models import find_endpoint
from vertex_mlops.runs.pipeline_jobs import RUN_LABEL, label_filter, resource_id
from vertex_mlops.runs.pipeline_results import failure_cause, read_result

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob

    from vertex_mlops.page.sources import RetrainedModel

log = logging.getLogger(__name__)
T = TypeVar("T")

# a person waits: no call is retried
_CALL: dict[str, Any] = {"retry": None, "timeout": 10.0}
# for all calls of a section together
_SECTION_SECONDS = 20.0
_MOST_JOBS = 15
_MOST_SUCCEEDED = 5
_JOBS_AT_A_TIME = 5
_MOST_VERSIONS = 100
_MOST_WINDOWS = 20_000
_LOOK_BACK = timedelta(days=7)
_LONGEST_PROBLEM = 300
# prefix of the errors of REST calls
_REQUEST = re.compile(r"^(GET|POST) https://\S+: ")
# shared by all requests: a call that hangs blocks these threads, and none of Airflow's
_POOL = ThreadPoolExecutor(max_workers=8, thread_name_prefix="models-page")


def read_everything(models: list[RetrainedModel]) -> list[Readings]:
    """
    Read all models concurrently; no answer takes longer than the deadline of a section.

    :param models: the models to read.
    """
    begun = [
        [_POOL.submit(read, model) for read in (_read_table, _read_trainings, _read_service)]
        for model in models
    ]
    moment = datetime.now(UTC)
    found: list[Any] = [tuple(_outcome(future) for future in futures) for futures in begun]
    watching = [
        _POOL.submit(_read_monitoring, model, service.value)
        for model, (_, _, service) in zip(models, found, strict=True)
    ]
    return [
        Readings(table, trainings, service, _outcome_behind(service, future), moment)
        for (table, trainings, service), future in zip(found, watching, strict=True)
    ]


def _outcome_behind(service: Reading[Service], future: Future[Monitoring | None]) -> Reading[Monitoring]:
    monitoring: Reading[Any] = _outcome(future)
    # one line about the endpoint is enough
    return Reading(None) if service.problem else monitoring


def _outcome(future: Future[T]) -> Reading[T]:
    try:
        return Reading(future.result(_SECTION_SECONDS))
    except DeadlineExceeded:
        future.cancel()
        return Reading(None, f"no answer within {_SECTION_SECONDS:g} s")
    # show the other sections whatever the error
    except Exception as error:
        expected = isinstance(error, (GoogleAPICallError, SpecError))
        log.warning("The page Models lacks a section: %s", error, exc_info=not expected)
        return Reading(None, one_line(error))


def one_line(error: Exception) -> str:
    """Return an error as one line of limited length."""
    words = error.message if isinstance(error, GoogleAPICallError) else str(error)
    text = f"{type(error).__name__}: {_REQUEST.sub('', ' '.join(words.split()))}"
    return text if len(text) <= _LONGEST_PROBLEM else f"{text[: _LONGEST_PROBLEM - 1]}…"


def _read_table(model: RetrainedModel) -> Table:
    from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook

    hook = BigQueryHook(
        gcp_conn_id=model.gcp_conn_id,
        impersonation_chain=model.impersonation_chain,
        use_legacy_sql=False,
    )
    name = f"{model.project_id}.{model.dataset_id}.{model.table_id}"
    found = hook.get_client(project_id=model.project_id).get_table(name, **_CALL)
    url = TableLink.url(project_id=model.project_id, dataset_id=model.dataset_id, table_id=model.table_id)
    return Table(int(found.to_api_repr()["lastModifiedTime"]), found.num_rows or 0, url)


def _read_trainings(model: RetrainedModel) -> list[Training]:
    from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook

    hook = PipelineJobHook(model.gcp_conn_id, impersonation_chain=model.impersonation_chain)

    def newest(limit: int, *conditions: str) -> dict[str, PipelineJob]:
        jobs = hook.list_pipeline_jobs(
            project_id=model.project_id,
            region=model.region,
            filter=label_filter(model.labels, f"labels.{DATA_VERSION_LABEL}:*", *conditions),
            order_by="create_time desc",
            page_size=limit,
            **_CALL,
        )
        return {job.name: job for job in islice(jobs, limit)}

    # those that succeeded tell how fresh the model is, however many have failed since
    listed = newest(_MOST_JOBS) | newest(_MOST_SUCCEEDED, f'state="{SUCCEEDED}"')
    found = sorted(listed.values(), key=lambda job: _moment(job.create_time), reverse=True)
    if not found:
        return []
    client = hook.get_pipeline_service_client(model.region)

    def read_whole(job: PipelineJob) -> PipelineJob | None:
        try:
            return client.get_pipeline_job(name=job.name, **_CALL)
        except NotFound:
            return None

    # a list has no job_detail, which has the metrics; a separate pool, since this runs in the shared one
    with ThreadPoolExecutor(_JOBS_AT_A_TIME) as pool:
        return [_training(model, job) for job in pool.map(read_whole, found) if job]


def _training(model: RetrainedModel, job: PipelineJob) -> Training:
    result = read_result(job)
    job_id, card = resource_id(job.name), result["model_card"]
    return Training(
        job_id=job_id,
        url=PipelineJobLink.url(region=model.region, project_id=model.project_id, pipeline_id=job_id),
        state=job.state.name.removeprefix("PIPELINE_STATE_"),
        created=_moment(job.create_time),
        data_version=_number(job.labels.get(DATA_VERSION_LABEL)),
        run=job.labels.get(RUN_LABEL, ""),
        blessed=result["blessed"],
        verdict=result["verdict"],
        reason=failure_cause(job) or result["reason"] or result["evidence"],
        metrics=result["metrics"],
        card_url=ModelCardLink.url(place=quote(card.removeprefix("gs://"))) if card else None,
    )


def _read_service(model: RetrainedModel) -> Service:
    from airflow.providers.google.cloud.hooks.vertex_ai.endpoint_service import EndpointServiceHook

    name = read_served_name(model, **_CALL)
    hook = EndpointServiceHook(model.gcp_conn_id, impersonation_chain=model.impersonation_chain)
    client = hook.get_endpoint_service_client(model.region)
    parent = f"projects/{model.project_id}/locations/{model.region}"
    endpoint = find_endpoint(client, parent, name, **_CALL)
    if endpoint is None:
        return Service(name, None, "", _read_versions(model, name, {}, {}))
    deployed = {item.model_version_id: item.id for item in endpoint.deployed_models}
    url = EndpointLink.url(
        region=model.region, project_id=model.project_id, endpoint_id=resource_id(endpoint.name)
    )
    versions = _read_versions(model, name, deployed, dict(endpoint.traffic_split))
    return Service(name, url, endpoint.model_deployment_monitoring_job, versions)


def _read_versions(
    model: RetrainedModel, name: str, deployed: dict[str, str], traffic: dict[str, int]
) -> list[Version]:
    from airflow.providers.google.cloud.hooks.vertex_ai.model_service import ModelServiceHook

    hook = ModelServiceHook(model.gcp_conn_id, impersonation_chain=model.impersonation_chain)
    client = hook.get_model_service_client(model.region)
    path = client.model_path(model.project_id, model.region, name)
    try:
        found = list(islice(client.list_model_versions(name=path, **_CALL), _MOST_VERSIONS))
    except NotFound:
        return []
    versions = [
        Version(
            id=item.version_id,
            aliases=frozenset(item.version_aliases),
            job_id=resource_id(item.version_description),
            data_version=_number(item.labels.get(DATA_VERSION_LABEL)),
            traffic=traffic.get(deployed.get(item.version_id, ""), 0),
            deployed_model_id=deployed.get(item.version_id),
        )
        for item in found
    ]
    return sorted(versions, key=lambda version: int(version.id), reverse=True)


def _read_monitoring(model: RetrainedModel, service: Service | None) -> Monitoring | None:
    if service is None or not service.monitoring_job:
        return None
    hook = ModelMonitoringHook(model.gcp_conn_id, impersonation_chain=model.impersonation_chain)
    place: dict[str, Any] = {
        "project_id": model.project_id,
        "region": model.region,
        "job_id": resource_id(service.monitoring_job),
    }
    champion = next((one for one in service.versions if CHAMPION_ALIAS in one.aliases), None)
    contract = read_contract(model, champion.job_id if champion else None, **_CALL)
    job = hook.get_model_monitoring_job(**place, **_CALL)
    interval: Any = job.model_deployment_monitoring_schedule_config.monitor_interval
    since = datetime.now(UTC) - max(_LOOK_BACK, 2 * interval)
    distances = [
        distance
        for deployed_model_id in objectives_of(job)
        for distance in _search(hook, place, deployed_model_id, since)
    ]
    return Monitoring(
        url=ModelMonitoringJobLink.url(**place),
        state=job.state.name.removeprefix("JOB_STATE_"),
        problem=job.latest_monitoring_pipeline_metadata.status.message or job.error.message,
        features_seen=not contract.hides_features,
        distances=sorted(distances, key=lambda one: one.end, reverse=True),
    )


def _search(
    hook: ModelMonitoringHook, place: dict[str, Any], deployed_model_id: str, since: datetime
) -> list[Distance]:
    pages = hook.search_stats_anomalies(
        deployed_model_id=deployed_model_id, objectives=RAW_FEATURES, start_time=since, **place, **_CALL
    )
    return [
        Distance(
            deployed_model_id=stats.deployed_model_id,
            objective=stats.objective.name.rpartition("_")[2].lower(),
            feature=feature.feature_display_name,
            distance=window.distribution_deviation,
            threshold=window.anomaly_detection_threshold,
            end=_moment(window.end_time),
        )
        for stats in islice(pages, _MOST_WINDOWS)
        for feature in stats.feature_stats
        for window in feature.prediction_stats
    ]


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _moment(time: Any) -> datetime:
    # the client's datetime class has nanoseconds, which strftime does not support
    return datetime.fromisoformat(time.isoformat())
