"""The current state of a model in BigQuery and Vertex AI."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Reading(NamedTuple, Generic[T]):
    """
    A value that was read, or why it could not be read.

    :param value: the value; None if it could not be read.
    :param problem: why not, in one line; empty if it was read.
    """

    value: T | None
    problem: str = ""


class Table(NamedTuple):
    """
    The table that a model is trained on.

    :param modified: time of the last change, in milliseconds since the epoch.
    :param rows: number of rows.
    :param url: of its page.
    """

    modified: int
    rows: int
    url: str


class Training(NamedTuple):
    """
    One pipeline job.

    :param job_id: its id.
    :param url: URL of its page.
    :param state: name of its state, without the prefix.
    :param created: when it was created.
    :param data_version: state of the table that it was trained on; None without a label.
    :param run: label of the Airflow run that submitted it; empty without Airflow.
    :param blessed: verdict on its model; None if there was none.
    :param verdict: the same in words; empty if the pipeline does not report it.
    :param reason: why the job failed or its model was not blessed, or by how much a blessed one is better.
    :param metrics: metrics of its model; those of the champion have the prefix ``champion_``.
    :param card_url: of its model card; None if there is none.
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
    :param aliases: its aliases.
    :param job_id: the pipeline job that created it.
    :param data_version: state of the table that it was trained on; None without a label.
    :param traffic: percent of the endpoint's traffic.
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

    :param name: name of the model and of its endpoint.
    :param url: URL of the endpoint's page; None if there is no endpoint yet.
    :param monitoring_job: resource name of the endpoint's monitoring job; empty without one.
    :param versions: newest first.
    """

    name: str
    url: str | None
    monitoring_job: str
    versions: list[Version]


class Distance(NamedTuple):
    """
    The distance of the requests of one window from a baseline.

    :param deployed_model_id: id of the deployed model.
    :param objective: ``skew`` or ``drift``.
    :param feature: name of the feature.
    :param distance: from the baseline, 0 to 1.
    :param threshold: above which it is an anomaly.
    :param end: end of the window.
    """

    deployed_model_id: str
    objective: str
    feature: str
    distance: float
    threshold: float
    end: datetime


class Monitoring(NamedTuple):
    """
    The results of the endpoint's monitoring job.

    :param url: URL of the job's page.
    :param state: name of its state, without the prefix.
    :param problem: why its last analysis failed; empty if it did not.
    :param features_seen: whether it can read the features of a request to ``predict``.
    :param distances: of every analysed window, newest first.
    """

    url: str
    state: str
    problem: str
    features_seen: bool
    distances: list[Distance]


class Readings(NamedTuple):
    """
    Everything about a model; a part that could not be read does not hide the others.

    :param table: the table that it is trained on.
    :param trainings: its newest pipeline jobs, newest first.
    :param service: how it is served.
    :param monitoring: results of monitoring; no value and no problem without a job.
    :param moment: when it was read.
    """

    table: Reading[Table]
    trainings: Reading[list[Training]]
    service: Reading[Service]
    monitoring: Reading[Monitoring]
    moment: datetime
