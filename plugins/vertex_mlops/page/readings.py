"""What BigQuery and Vertex AI say about a model now; each call has a deadline and is made once."""

from __future__ import annotations

import logging
import re
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as DeadlineExceeded
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

from google.api_core.exceptions import GoogleAPICallError, NotFound

from vertex_mlops.deployed_models import CHAMPION_ALIAS, find_endpoint
from vertex_mlops.exceptions import SpecError
from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook
from vertex_mlops.links.bigquery import TableLink
from vertex_mlops.links.model_card import ModelCardLink
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.links.vertex_ai import EndpointLink, PipelineJobLink
from vertex_mlops.monitoring_anomalies import RAW_FEATURES
from vertex_mlops.monitoring_config import objectives_of
from vertex_mlops.page.compiled import read_contract, read_served_name
from vertex_mlops.pipeline_jobs import (
    DATA_VERSION_LABEL,
    RUN_LABEL,
    failure_cause,
    label_filter,
    read_result,
    resource_id,
)

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob

    from vertex_mlops.page.sources import RetrainedModel

log = logging.getLogger(__name__)
T = TypeVar("T")

# a person waits: no call is tried twice
_CALL: dict[str, Any] = {"retry": None, "timeout": 10.0}
# what all calls of a section may take together
_SECTION_SECONDS = 20.0
_MOST_JOBS = 20
_MOST_VERSIONS = 100
_MOST_WINDOWS = 20_000
_LOOK_BACK = timedelta(days=7)
_LONGEST_PROBLEM = 300
# with which errors of REST calls begin
_REQUEST = re.compile(r"^(GET|POST) https://\S+: ")
# shared by all requests: what hangs at Google blocks these, and no thread of Airflow's
_POOL = ThreadPoolExecutor(max_workers=8, thread_name_prefix="models-page")


class Reading(NamedTuple, Generic[T]):
    """
    What was read, or why it could not be.

    :param value: what was read; None if it was not.
    :param problem: why not, in one line; empty if it was.
    """

    value: T | None
    problem: str = ""


class Table(NamedTuple):
    """
    The table that a model learns from.

    :param modified: when it changed last, in milliseconds since the epoch.
    :param rows: how many it has.
    :param url: of its page.
    """

    modified: int
    rows: int
    url: str


class Training(NamedTuple):
    """
    One pipeline job.

    :param job_id: its id.
    :param url: of its page.
    :param state: name of its state, without the prefix.
    :param created: when.
    :param data_version: state of the table that it learned from; None if no label says it.
    :param run: label of the Airflow run that submitted it; empty without Airflow.
    :param blessed: verdict on its model; None if there was none.
    :param verdict: the same in words; empty if the pipeline does not tell.
    :param reason: why the job failed or its model was not blessed, or by how much a blessed one is better.
    :param metrics: figures of its model, those of the champion beginning with ``champion_``.
    :param card_url: of its model card; None if it made none.
    """

    job_id: str
    url: str
    state: str
    created: datetime
    data_version: int | None
    run: str
    blessed: bool | None
    verdict: str
    reason: str
    metrics: dict[str, float]
    card_url: str | None


class Version(NamedTuple):
    """
    One version of a model in the registry.

    :param id: its number.
    :param aliases: its names.
    :param job_id: the pipeline job that made it.
    :param data_version: state of the table that it learned from; None if no label says it.
    :param traffic: per cent of the endpoint's traffic.
    :param deployed_model_id: None if it is not deployed.
    """

    id: str
    aliases: frozenset[str]
    job_id: str
    data_version: int | None
    traffic: int
    deployed_model_id: str | None


class Service(NamedTuple):
    """
    How a model is served.

    :param name: of the model and of its endpoint.
    :param url: of the endpoint's page; None if there is no endpoint yet.
    :param monitoring_job: resource name of the endpoint's monitoring job; empty without one.
    :param versions: newest first.
    """

    name: str
    url: str | None
    monitoring_job: str
    versions: list[Version]


class Distance(NamedTuple):
    """
    How far the requests of one window were from a baseline.

    :param deployed_model_id: id of the model that was asked.
    :param objective: ``skew`` or ``drift``.
    :param feature: name of the feature.
    :param distance: to the baseline, 0 to 1.
    :param threshold: above which it is an anomaly.
    :param end: of the window.
    """

    deployed_model_id: str
    objective: str
    feature: str
    distance: float
    threshold: float
    end: datetime


class Monitoring(NamedTuple):
    """
    What the endpoint's monitoring job has found.

    :param url: of the job's page.
    :param state: name of its state, without the prefix.
    :param problem: why its last analysis failed; empty if it did not.
    :param features_seen: whether it sees the features of a request to ``predict``.
    :param distances: of every window that was looked at, newest first.
    """

    url: str
    state: str
    problem: str
    features_seen: bool
    distances: list[Distance]


class Readings(NamedTuple):
    """
    Everything about a model; what could not be read does not hide the rest.

    :param table: what it learns from.
    :param trainings: its newest pipeline jobs, newest first.
    :param service: how it is served.
    :param monitoring: what monitoring has found; no value and no problem without a job.
    :param moment: when all this was read.
    """

    table: Reading[Table]
    trainings: Reading[list[Training]]
    service: Reading[Service]
    monitoring: Reading[Monitoring]
    moment: datetime


def read_everything(models: list[RetrainedModel]) -> list[Readings]:
    """
    Ask about all models at a time; no answer takes longer than the deadline of a section.

    :param models: what to ask about.
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
    # whatever it is, the other sections are worth showing
    except Exception as error:
        expected = isinstance(error, (GoogleAPICallError, SpecError))
        log.warning("The page of the models lacks a section: %s", error, exc_info=not expected)
        return Reading(None, one_line(error))


def one_line(error: Exception) -> str:
    """Say what was wrong in a line that is not too long to read."""
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
    jobs = hook.list_pipeline_jobs(
        project_id=model.project_id,
        region=model.region,
        filter=label_filter(model.labels, f"labels.{DATA_VERSION_LABEL}:*"),
        order_by="create_time desc",
        page_size=_MOST_JOBS,
        **_CALL,
    )
    return [_training(model, job) for job in islice(jobs, _MOST_JOBS)]


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
    # the client's own kind of datetime has nanoseconds, which nobody formats
    return datetime.fromisoformat(time.isoformat())
