"""MonitorerComponent, as the compiled pipeline starts it, and the endpoint's monitoring job after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tfx
from google.cloud import aiplatform_v1 as v1
from google.cloud import storage
from tfx import types
from tfx.types import standard_artifacts
from wine_pipeline.config import MonitoringConfig
from wine_pipeline.monitorer.component import MonitorerComponent
from wine_pipeline.monitorer.errors import MonitoringError
from wine_pipeline.monitorer.executor import Executor
from wine_pipeline.monitorer.jobs import MonitoringClient
from wine_pipeline.monitorer.wanted import TrainingData, wanted_job

from tests.conftest import Cloud
from tests.plugins.saved_models import export

# isort: split
import tensorflow_data_validation as tfdv  # after TFX

REGION = "europe-west1"
CLIENT_OPTIONS = {"api_endpoint": f"{REGION}-aiplatform.googleapis.com"}
SERVING_IMAGE = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
TABLE = "wine-local.wine_quality.white_wine"
ROWS = {"ph": [3.0, 3.5], "alcohol": [9.0, 14.0], "quality": [5, 7], "good": [0, 1]}
CONFIG = MonitoringConfig(
    skew_threshold=0.3,
    drift_threshold=0.2,
    feature_skew_thresholds={"ph": 0.1},
    sampling_rate=0.5,
    interval_hours=6,
    log_ttl_days=7,
    emails=("cellar@example.com",),
)


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


def register(folder: str) -> str:
    """Make another Model of the same SavedModel, as the Pusher does in every run."""
    model = {
        "display_name": "sound",
        "artifact_uri": folder,
        "container_spec": {"image_uri": SERVING_IMAGE},
    }
    client = v1.ModelServiceClient(client_options=CLIENT_OPTIONS)
    parent = client.common_location_path("wine-local", REGION)
    return client.upload_model(parent=parent, model=model).result().model


@dataclass
class Endpoint:
    """An endpoint of its own for a test, and its monitoring job."""

    name: str
    client: v1.EndpointServiceClient
    jobs: v1.JobServiceClient

    def deploy(self, model: str, traffic: int = 100) -> str:
        """Deploy a model beside the one that serves, and return its id."""
        current = self.read().traffic_split
        split = {"0": traffic} | {id_: share * (100 - traffic) // 100 for id_, share in current.items()}
        machine = {"machine_spec": {"machine_type": "n1-standard-2"}, "min_replica_count": 1}
        deployed = self.client.deploy_model(
            endpoint=self.name,
            deployed_model={"model": model, "dedicated_resources": machine},
            traffic_split=split,
        ).result()
        return deployed.deployed_model.id

    def read(self) -> v1.Endpoint:
        return self.client.get_endpoint(name=self.name)

    def job(self) -> v1.ModelDeploymentMonitoringJob:
        """Give the monitoring job that the endpoint names."""
        return self.jobs.get_model_deployment_monitoring_job(name=self.read().model_deployment_monitoring_job)

    def close(self) -> None:
        """Delete the monitoring job and stop every model server."""
        if name := self.read().model_deployment_monitoring_job:
            self.jobs.pause_model_deployment_monitoring_job(name=name)
            self.jobs.delete_model_deployment_monitoring_job(name=name).result()
        while deployed := sorted(one.id for one in self.read().deployed_models):
            first, *others = deployed
            # a model can only be undeployed when it has no traffic, or is the last one
            split = {others[0]: 100} if others else {}
            self.client.undeploy_model(
                request={"endpoint": self.name, "deployed_model_id": first, "traffic_split": split}
            ).result()


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
        model: str | None, config: MonitoringConfig = CONFIG, rows: dict[str, list[Any]] = ROWS
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
            config=config,
        )
        inputs = {"statistics": [statistics], "pushed_model": [pushed]}
        Executor().Do(inputs, {"monitoring_job": [output]}, component.exec_properties)
        return output.read()

    return run


def measure(rows: dict[str, list[Any]], folder: Path) -> standard_artifacts.ExampleStatistics:
    """Leave the statistics of rows as StatisticsGen does."""
    artifact = standard_artifacts.ExampleStatistics()
    artifact.uri = str(folder / "statistics")
    artifact.splits = ["train"]
    artifact.set_string_custom_property("tfx_version", tfx.__version__)
    split = folder / "statistics" / "Split-train"
    split.mkdir(parents=True, exist_ok=True)
    statistics = tfdv.generate_statistics_from_dataframe(pd.DataFrame(rows))
    (split / "FeatureStats.pb").write_bytes(statistics.SerializeToString())
    return artifact


def push(model: str | None) -> standard_artifacts.PushedModel:
    """Leave what the Pusher leaves; None stands for a model that was not blessed."""
    artifact = standard_artifacts.PushedModel()
    artifact.set_int_custom_property("pushed", int(model is not None))
    if model is not None:
        artifact.set_string_custom_property("pushed_destination", model)
    return artifact


def objectives(job: v1.ModelDeploymentMonitoringJob) -> dict[str, v1.ModelMonitoringObjectiveConfig]:
    return {
        config.deployed_model_id: config.objective_config
        for config in job.model_deployment_monitoring_objective_configs
    }


def values(thresholds: Any) -> dict[str, float]:
    return {name: threshold.value for name, threshold in thresholds.items()}


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
        model, replace(CONFIG, feature_skew_thresholds={"ph": 0.15}, interval_hours=24, emails=())
    )

    assert second == first
    job = endpoint.job()
    skew = objectives(job)[deployed].training_prediction_skew_detection_config.skew_thresholds
    assert values(skew) == {"ph": 0.15, "alcohol": 0.3}
    assert job.model_deployment_monitoring_schedule_config.monitor_interval.total_seconds() == 24 * 3600
    assert not job.model_monitoring_alert_config.email_alert_config.user_emails


def test_a_launch_with_nothing_new_leaves_the_job_alone(
    model: str, endpoint: Endpoint, launch: Launch
) -> None:
    endpoint.deploy(model)
    launch(model)
    before = endpoint.job().update_time

    # other rows have other means, which say nothing about the format of the requests
    launch(model, rows=ROWS | {"ph": [2.9, 3.1]})

    assert endpoint.job().update_time == before


def test_a_model_that_shares_the_traffic_stays_watched(
    model: str, endpoint: Endpoint, launch: Launch
) -> None:
    champion = endpoint.deploy(model)
    launch(model)
    other = register("gs://monitored/sound")
    challenger = endpoint.deploy(other, traffic=10)

    launch(other, replace(CONFIG, drift_threshold=0.4))

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

    with pytest.raises(MonitoringError, match="a threshold for tannin, but the features are alcohol, ph"):
        launch(model, replace(CONFIG, feature_drift_thresholds={"tannin": 0.1}))

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

    with pytest.raises(MonitoringError, match="sample_predict_instance has the features alcohol, ph, "):
        launch(model, rows=ROWS | {"tannin": [0.1, 0.2]})

    assert set(endpoint.job().sample_predict_instance) == {"ph", "alcohol"}


def test_a_model_that_is_not_deployed_is_named(cloud: Cloud, model: str, launch: Launch) -> None:
    idle = register("gs://monitored/sound")

    with pytest.raises(MonitoringError, match=f"{idle} is not deployed"):
        launch(idle)


def wanted(client: MonitoringClient, model: str, **changes: Any) -> v1.ModelDeploymentMonitoringJob:
    return wanted_job(
        display_name="wine-white",
        deployment=client.find_deployment(model),
        means={"ph": 3.2},
        training=TrainingData(TABLE, "quality"),
        config=replace(CONFIG, **changes),
    )


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
