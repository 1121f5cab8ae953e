"""MonitorerComponent, as the compiled pipeline starts it, and the endpoint's monitoring job after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import aiplatform_v1 as v1
from google.cloud import storage
from tfx import types
from tfx.types import standard_artifacts
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from wine_pipeline.monitorer.component import MonitorerComponent
from wine_pipeline.monitorer.errors import MonitoringError
from wine_pipeline.monitorer.executor import Executor
from wine_pipeline.monitorer.jobs import MonitoringClient

from localcloud.testing import Cloud
from tests.pipeline.monitorer.monitored_endpoints import (
    CLIENT_OPTIONS,
    LABELS,
    REGION,
    ROWS,
    SETTINGS,
    TABLE,
    Endpoint,
    changed,
    measure,
    objectives,
    push,
    register,
    values,
    wanted,
)
from tests.plugins.rollout.saved_models import export


@pytest.fixture(scope="module")
def model(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Register a small model that takes ph and alcohol, and return its resource name."""
    folder = tmp_path_factory.mktemp("models")
    export(folder)
    bucket = storage.Client(project=cloud.settings.project).create_bucket("monitored", location="EU")
    for path in (folder / "sound").rglob("*"):
        if path.is_file():
            bucket.blob(str(path.relative_to(folder))).upload_from_filename(path)
    return register("gs://monitored/sound")


@pytest.fixture
def endpoint(cloud: Cloud) -> Iterator[Endpoint]:
    client = v1.EndpointServiceClient(client_options=CLIENT_OPTIONS)
    parent = client.common_location_path(cloud.settings.project, REGION)
    name = client.create_endpoint(parent=parent, endpoint={"display_name": "wine-white"}).result().name
    endpoint = Endpoint(name, client, v1.JobServiceClient(client_options=CLIENT_OPTIONS))
    yield endpoint
    endpoint.close()


Launch = Callable[..., str | None]


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    """Return a function that runs the component on a pushed model and returns what it leaves behind."""

    def run(
        model: str | None, settings: MonitoringSettings = SETTINGS, rows: dict[str, list[Any]] = ROWS
    ) -> str | None:
        statistics, pushed, output = measure(rows, tmp_path), push(model), standard_artifacts.String()
        output.uri = str(tmp_path / "monitoring_job")
        component = MonitorerComponent(
            statistics=types.Channel(type=standard_artifacts.ExampleStatistics),
            pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            project="wine-local",
            region=REGION,
            display_name="wine-white",
            training_table=TABLE,
            target_field="quality",
            ignored_features=["good"],
            settings=settings,
            labels=LABELS,
        )
        inputs = {"statistics": [statistics], "pushed_model": [pushed]}
        Executor().Do(inputs, {"monitoring_job": [output]}, component.exec_properties)
        return output.read()

    return run


def test_the_first_launch_makes_a_job_with_everything_that_was_asked_for(
    model: str, endpoint: Endpoint, launch: Launch
) -> None:
    deployed = endpoint.deploy(model)

    left = launch(model)

    job = endpoint.job()
    assert job.name == left
    assert job.state.name == "JOB_STATE_RUNNING"
    assert job.display_name == "wine-white"
    assert job.logging_sampling_strategy.random_sample_config.sample_rate == 0.5
    assert job.model_deployment_monitoring_schedule_config.monitor_interval.total_seconds() == 6 * 3600
    assert job.log_ttl.total_seconds() == 7 * 86400
    assert list(job.model_monitoring_alert_config.email_alert_config.user_emails) == ["cellar@example.com"]
    assert {name: list(value) for name, value in job.sample_predict_instance.items()} == {
        "ph": [3.25],
        "alcohol": [11.5],
    }
    assert set(objectives(job)) == {deployed}
    training = objectives(job)[deployed].training_dataset
    assert training.bigquery_source.input_uri == f"bq://{TABLE}"
    assert training.target_field == "quality"


def test_the_thresholds_reach_the_job_for_each_feature_that_the_model_takes(
    model: str, endpoint: Endpoint, launch: Launch
) -> None:
    deployed = endpoint.deploy(model)

    launch(model)

    objective = objectives(endpoint.job())[deployed]
    skew = objective.training_prediction_skew_detection_config.skew_thresholds
    drift = objective.prediction_drift_detection_config.drift_thresholds
    assert values(skew) == {"ph": 0.1, "alcohol": 0.3}
    assert values(drift) == {"ph": 0.2, "alcohol": 0.2}


def test_a_second_launch_updates_the_same_job_to_the_new_model(
    model: str, endpoint: Endpoint, launch: Launch
) -> None:
    endpoint.deploy(model)
    first = launch(model)
    successor = register("gs://monitored/sound")
    deployed = endpoint.deploy(successor)

    second = launch(successor)

    assert second == first
    assert set(objectives(endpoint.job())) == {deployed}


def test_a_changed_setting_reaches_the_job(model: str, endpoint: Endpoint, launch: Launch) -> None:
    deployed = endpoint.deploy(model)
    first = launch(model)

    second = launch(
        model,
        changed(feature_skew_thresholds={"ph": 0.15}, interval_hours=24, emails=["chef@example.com"]),
    )

    assert second == first
    job = endpoint.job()
    skew = objectives(job)[deployed].training_prediction_skew_detection_config.skew_thresholds
    assert values(skew) == {"ph": 0.15, "alcohol": 0.3}
    assert job.model_deployment_monitoring_schedule_config.monitor_interval.total_seconds() == 24 * 3600
    # whoever gets the alerts goes on getting them
    emails = job.model_monitoring_alert_config.email_alert_config.user_emails
    assert list(emails) == ["chef@example.com", "cellar@example.com"]


def test_a_launch_with_nothing_new_leaves_the_job_alone(
    model: str, endpoint: Endpoint, launch: Launch
) -> None:
    endpoint.deploy(model)
    launch(model)
    before = endpoint.job().update_time

    # other rows have other means, which say nothing about the format of the requests
    launch(model, rows=ROWS | {"ph": [2.9, 3.1]})

    assert endpoint.job().update_time == before


def test_a_launch_leaves_alone_what_the_service_and_other_people_have_added(
    model: str, endpoint: Endpoint, launch: Launch
) -> None:
    endpoint.deploy(model)
    launch(model)
    channel = "projects/wine-local/notificationChannels/7"
    added = endpoint.job()
    added.model_monitoring_alert_config.notification_channels.append(channel)
    for config in added.model_deployment_monitoring_objective_configs:
        config.objective_config.explanation_config = v1.ModelMonitoringObjectiveConfig.ExplanationConfig()
    added.labels["team"] = "cellar"
    mask = ["model_monitoring_alert_config", "model_deployment_monitoring_objective_configs", "labels"]
    endpoint.jobs.update_model_deployment_monitoring_job(
        model_deployment_monitoring_job=added, update_mask={"paths": mask}
    ).result()
    before = endpoint.job()

    launch(model)

    after = endpoint.job()
    assert after.update_time == before.update_time
    assert list(after.model_monitoring_alert_config.notification_channels) == [channel]
    assert after.labels["team"] == "cellar"


def test_the_job_has_the_labels_by_which_the_dag_of_the_drift_finds_it(
    model: str, endpoint: Endpoint, launch: Launch
) -> None:
    endpoint.deploy(model)

    left = launch(model)

    found = endpoint.jobs.list_model_deployment_monitoring_jobs(
        request={
            "parent": f"projects/wine-local/locations/{REGION}",
            "filter": " AND ".join(f'labels.{name}="{value}"' for name, value in LABELS.items()),
        }
    )
    assert [job.name for job in found] == [left]


def test_a_model_that_shares_the_traffic_stays_watched(
    model: str, endpoint: Endpoint, launch: Launch
) -> None:
    champion = endpoint.deploy(model)
    launch(model)
    other = register("gs://monitored/sound")
    challenger = endpoint.deploy(other, traffic=10)

    launch(other, changed(drift_threshold=0.4))

    drift = {
        id_: values(objective.prediction_drift_detection_config.drift_thresholds)["ph"]
        for id_, objective in objectives(endpoint.job()).items()
    }
    assert drift == {champion: 0.2, challenger: 0.4}


def test_nothing_changes_when_the_model_was_not_blessed(
    model: str, endpoint: Endpoint, launch: Launch
) -> None:
    endpoint.deploy(model)

    assert launch(None) is None

    assert endpoint.read().model_deployment_monitoring_job == ""


def test_a_threshold_for_an_unknown_feature_fails_before_anything_is_made(
    model: str, endpoint: Endpoint, launch: Launch
) -> None:
    endpoint.deploy(model)

    with pytest.raises(MonitoringError, match="no such feature: tannin; the model has alcohol, ph"):
        launch(model, changed(feature_drift_thresholds={"tannin": 0.1}))

    assert endpoint.read().model_deployment_monitoring_job == ""


def test_a_column_to_ignore_that_does_not_exist_is_named(
    model: str, endpoint: Endpoint, launch: Launch
) -> None:
    endpoint.deploy(model)

    with pytest.raises(MonitoringError, match="no such feature: good"):
        launch(model, rows={name: column for name, column in ROWS.items() if name != "good"})


def test_what_vertex_cannot_update_is_named(model: str, endpoint: Endpoint, launch: Launch) -> None:
    endpoint.deploy(model)
    launch(model)

    with pytest.raises(MonitoringError, match=r"sample_predict_instance \(has the features alcohol, ph; "):
        launch(model, rows=ROWS | {"tannin": [0.1, 0.2]})

    assert set(endpoint.job().sample_predict_instance) == {"ph", "alcohol"}


def test_a_model_that_is_not_deployed_is_named(cloud: Cloud, model: str, launch: Launch) -> None:
    idle = register("gs://monitored/sound")

    with pytest.raises(MonitoringError, match=f"{idle} is not deployed"):
        launch(idle)


def test_a_job_that_somebody_else_made_meanwhile_is_updated_instead(model: str, endpoint: Endpoint) -> None:
    endpoint.deploy(model)
    faster = []

    class Overtaken(MonitoringClient):
        def _create(self, project: str, job: v1.ModelDeploymentMonitoringJob) -> Any:
            # between the look for a job and its creation
            other = MonitoringClient(REGION)
            faster.append(other.create_or_update(project, wanted(other, model, interval_hours=24)).name)
            return super()._create(project, job)

    client = Overtaken(REGION)

    job = client.create_or_update("wine-local", wanted(client, model))

    assert [job.name] == faster == [endpoint.job().name]
    assert job.model_deployment_monitoring_schedule_config.monitor_interval.total_seconds() == 6 * 3600


def test_a_job_that_does_not_settle_in_time_is_named_with_its_state(model: str, endpoint: Endpoint) -> None:
    endpoint.deploy(model)
    hurried = MonitoringClient(REGION, wait_seconds=0.1)

    with pytest.raises(MonitoringError, match=r"is still JOB_STATE_PENDING after 0\.1 s$"):
        hurried.create_or_update("wine-local", wanted(hurried, model))

    # a later launch waits for it
    patient = MonitoringClient(REGION)
    job = patient.create_or_update("wine-local", wanted(patient, model, interval_hours=1))
    assert job.model_deployment_monitoring_schedule_config.monitor_interval.total_seconds() == 3600
