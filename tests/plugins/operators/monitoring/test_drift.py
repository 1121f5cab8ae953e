"""What monitoring has found becomes asset events, each window once; read from real monitoring jobs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset, AssetAlias
from airflow.sdk.exceptions import AirflowSkipException
from google.cloud import aiplatform_v1
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.monitoring.drift_events import DriftEvent, describe, triggering_events
from vertex_mlops.operators.monitoring.drift import EmitModelDriftOperator

from localcloud.testing import Cloud
from tests.plugins.monitoring.drifting import Drifting, watch
from tests.plugins.operators.served_models import CLIENT_OPTIONS, Endpoint, Models, open_endpoint
from tests.support.task_context import context_of

ASSET = Asset(name="drift", uri="x-vertex-ai://wine-local/drift")


class Events(list[Any]):
    """The events of an asset that a task instance would read, the newest first if it asks so."""

    def ascending(self, ascending: bool) -> Events:
        return self if ascending else Events(reversed(self))

    def limit(self, limit: int) -> Events:
        return Events(self[:limit])


class Asked:
    """
    One asset with all its events, and the operator that adds to them.

    :param place: where Vertex AI is.
    :param labels: of the monitoring jobs.
    """

    def __init__(self, place: dict[str, str], labels: dict[str, str]) -> None:
        self.task = EmitModelDriftOperator(task_id="look", labels=labels, asset=ASSET, **place)
        self.events = Events()

    def look(self) -> list[DriftEvent]:
        """Execute the operator, keep what it emits as Airflow does, and return it."""
        from airflow.sdk.execution_time.context import OutletEventAccessors

        outlets = OutletEventAccessors()
        self.context = context_of(self.task) | {
            "inlet_events": {AssetAlias(name=ASSET.name): self.events},
            "outlet_events": outlets,
        }
        result = self.task.execute(self.context)
        emitted = [event.extra for event in outlets[AssetAlias(name=ASSET.name)].asset_alias_events]
        assert emitted == result["events"]
        self.events += [SimpleNamespace(extra=extra) for extra in emitted]
        return list(result["events"])


@pytest.fixture
def labels() -> dict[str, str]:
    return {"wine": f"w{uuid.uuid4().hex[:8]}"}


@pytest.fixture
def drifting(cloud: Cloud, bucket: Any, endpoint: Endpoint, labels: dict[str, str]) -> Drifting:
    return watch(cloud.settings, bucket, endpoint, labels)


@pytest.fixture
def asked(place: dict[str, str], labels: dict[str, str]) -> Asked:
    return Asked(place, labels)


def test_without_a_monitoring_job_it_is_skipped_and_says_so(asked: Asked) -> None:
    with pytest.raises(AirflowSkipException, match="no monitoring job has the labels"):
        asked.look()

    assert asked.context["ti"].xcoms["skipped_because"].startswith("no monitoring job has the labels")


def test_ordinary_requests_are_no_event(asked: Asked, drifting: Drifting) -> None:
    drifting.window()

    with pytest.raises(AirflowSkipException, match=f"no new anomalies in {drifting.job}"):
        asked.look()


def test_each_window_with_anomalies_is_one_event_and_is_told_once(asked: Asked, drifting: Drifting) -> None:
    # given an ordinary window and two others since the last look
    drifting.window()
    drifting.window(alcohol=5)
    drifting.window(alcohol=5)

    first, second = asked.look()

    # then each has its own event, the oldest first, that says what, how far, and when
    assert first["window_start"] < first["window_end"] <= second["window_start"] < second["window_end"]
    for event in (first, second):
        assert (event["monitoring_job"], event["endpoint"]) == (drifting.job, drifting.endpoint)
        assert {one["deployed_model_id"] for one in event["anomalies"]} == {drifting.deployed_model_id}
        assert all(one["distance"] > one["threshold"] == 0.3 for one in event["anomalies"])
    # the window before the second one had such wines, too
    assert [(one["feature"], one["objective"]) for one in first["anomalies"]] == [
        ("alcohol", "RAW_FEATURE_SKEW"),
        ("alcohol", "RAW_FEATURE_DRIFT"),
    ]
    assert [one["objective"] for one in second["anomalies"]] == ["RAW_FEATURE_SKEW"]

    # and another look tells nothing, until there is another such window
    with pytest.raises(AirflowSkipException, match="no new anomalies"):
        asked.look()
    drifting.window(alcohol=5)
    (third,) = asked.look()
    assert third["window_start"] >= second["window_end"]


def test_an_event_that_a_person_made_hides_nothing(asked: Asked, drifting: Drifting) -> None:
    asked.events.append(SimpleNamespace(extra={"from_rest_api": True}))
    drifting.window(alcohol=5)

    assert len(asked.look()) == 1


def window(job: str, **changes: Any) -> dict[str, Any]:
    """Return the extra of an event, as a person might make it."""
    ended = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    anomaly = {
        "deployed_model_id": "7",
        "objective": "RAW_FEATURE_SKEW",
        "feature": "alcohol",
        "distance": 0.4,
        "threshold": 0.3,
        "start_time": ended,
        "end_time": ended,
    }
    made = {"monitoring_job": job, "endpoint": "e", "window_start": ended, "window_end": ended}
    return made | {"anomalies": [anomaly], "from_rest_api": True} | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"window_end": 7},
        {"window_end": "tomorrow"},
        # without a time zone, which no other moment can be compared with
        {"window_end": "2025-11-25T10:00:00"},
        {"window_end": "2099-01-01T00:00:00+00:00"},
        {"monitoring_job": ["projects/1"]},
        {"anomalies": [{"feature": "alcohol"}]},
    ],
)
def test_an_event_of_another_shape_hides_nothing_and_is_told_in_the_log(
    asked: Asked, drifting: Drifting, capfd: pytest.CaptureFixture[str], changes: dict[str, Any]
) -> None:
    asked.events.append(SimpleNamespace(extra=window(drifting.job, **changes)))
    drifting.window(alcohol=5)

    assert len(asked.look()) == 1

    told = f"Ignoring an asset event without valid drift: {next(iter(changes))}"
    assert told in capfd.readouterr().out


@pytest.mark.parametrize("extra", [None, [], {}, {"note": "just trying"}])
def test_an_extra_that_is_no_window_starts_nothing(extra: Any) -> None:
    event = SimpleNamespace(extra=extra)

    assert triggering_events({"triggering_asset_events": {"a": [event]}}) == []  # type: ignore[typeddict-item]


def test_an_event_of_the_right_shape_is_read_whoever_made_it() -> None:
    made = window("job")

    (read,) = triggering_events({"triggering_asset_events": {"a": [SimpleNamespace(extra=made)]}})  # type: ignore[typeddict-item]

    assert read["window_end"] == made["window_end"]
    assert describe(read).startswith("alcohol 0.40 above 0.3 (RAW_FEATURE_SKEW)")


def test_the_link_leads_to_the_monitoring_job(asked: Asked, drifting: Drifting) -> None:
    with pytest.raises(AirflowSkipException):
        asked.look()

    assert drifting.job.rpartition("/")[2] in asked.context["ti"].xcoms[ModelMonitoringJobLink.key]


@pytest.fixture
def both(
    cloud: Cloud, bucket: Any, place: dict[str, str], models: Models, labels: dict[str, str]
) -> Iterator[list[Drifting]]:
    """Return two endpoints of the same wine."""
    with open_endpoint(place, models) as one, open_endpoint(place, models) as other:
        yield [watch(cloud.settings, bucket, endpoint, labels) for endpoint in (one, other)]


def test_all_endpoints_of_a_wine_are_watched_and_one_hides_no_window_of_the_other(
    asked: Asked, both: list[Drifting]
) -> None:
    one, other = both
    other.window(alcohol=5)
    one.window(alcohol=5)
    events = asked.look()
    assert {event["endpoint"] for event in events} == {one.endpoint, other.endpoint}

    other.window(alcohol=5)

    assert [event["endpoint"] for event in asked.look()] == [other.endpoint]


def test_what_was_found_of_a_model_that_is_watched_no_more_is_past(
    asked: Asked, drifting: Drifting, endpoint: Endpoint
) -> None:
    drifting.window(alcohol=5)
    client = aiplatform_v1.JobServiceClient(client_options=CLIENT_OPTIONS)
    job = client.get_model_deployment_monitoring_job(name=drifting.job)

    new = endpoint.deploy("other")
    (config,) = job.model_deployment_monitoring_objective_configs
    config.deployed_model_id = new
    client.update_model_deployment_monitoring_job(
        model_deployment_monitoring_job=job,
        update_mask={"paths": ["model_deployment_monitoring_objective_configs"]},
    ).result()

    with pytest.raises(AirflowSkipException, match="no new anomalies"):
        asked.look()
