"""The page of a monitoring job."""

from __future__ import annotations

import pytest
from google.cloud import aiplatform_v1 as v1
from tests.console import links
from tests.console.pages import Browse


@pytest.fixture(scope="module")
def watched(clients, parent, new_endpoint, deploy, serving) -> v1.ModelDeploymentMonitoringJob:
    """Return the monitoring job of a new endpoint."""
    endpoint = new_endpoint(display_name="watched <endpoint>").name
    deployed = deploy(endpoint, serving.deployed_models[0].model, {"0": 100})
    objective = {
        "training_dataset": {
            "gcs_source": {"uris": ["gs://vertex-tests/train/*"]},
            "data_format": "tf-record",
            "target_field": "quality",
        },
        "training_prediction_skew_detection_config": {
            "skew_thresholds": {"alcohol": {"value": 0.25}, "ph": {"value": 0.125}}
        },
        "prediction_drift_detection_config": {
            "drift_thresholds": {"alcohol": {"value": 0.5}},
            "default_drift_threshold": {"value": 0.75},
        },
    }
    job = {
        "display_name": "watch <wine>",
        "endpoint": endpoint,
        "labels": {"wine": "white"},
        "logging_sampling_strategy": {"random_sample_config": {"sample_rate": 0.8}},
        "model_deployment_monitoring_schedule_config": {"monitor_interval": {"seconds": 7200}},
        "model_monitoring_alert_config": {"email_alert_config": {"user_emails": ["cellar@example.com"]}},
        "log_ttl": {"seconds": 30 * 86400},
        "sample_predict_instance": {"alcohol": [13.8]},
        "model_deployment_monitoring_objective_configs": [
            {"deployed_model_id": deployed.id, "objective_config": objective}
        ],
    }
    return clients.jobs.create_model_deployment_monitoring_job(
        parent=parent, model_deployment_monitoring_job=job
    )


@pytest.fixture
def page(browse: Browse, watched):
    return browse(links.of(links.MONITORING_JOB, watched.name))


def test_it_shows_what_is_watched_how_often_and_who_is_told(page):
    assert page.status == 200
    assert "<h1>watch &lt;wine&gt;</h1>" in page.body
    assert page.inside("state") in ("Pending", "Running")
    for fact in (
        "Endpoint watched <endpoint>",
        "Runs every 2 h 00 min",
        "Sampled 80 % of the requests",
        "Alerts to cellar@example.com",
        "Logs kept for 30 days",
        "wine: white",
        "Training data gs://vertex-tests/train/* (tf-record)",
        "Target quality",
    ):
        assert fact in page.text


def test_it_shows_the_thresholds_by_feature(page):
    assert (
        "Feature Skew threshold Drift threshold alcohol 0.25 0.5 ph 0.125 - every other - 0.75" in page.text
    )


def test_it_says_when_nothing_was_analysed_yet(page):
    assert "No window has been analysed yet." in page.text
    assert page.inside("last-run") == "none yet"


def test_it_shows_the_distances_of_each_window_and_marks_what_is_beyond_its_threshold(
    browse: Browse, monitor, draw
):
    # given an ordinary window and one of stronger wines
    monitored = monitor({"alcohol": 0.3, "ph": 0.3})
    for alcohol in (0.0, 2.0):
        monitored.ask_raw(draw(1000, alcohol=alcohol))
        monitored.run_window()
    skew, drift = (
        {one.feature_display_name: one for one in record.feature_stats} for record in monitored.search()
    )

    page = browse(links.of(links.MONITORING_JOB, monitored.job))

    # then the newest window is first
    before, after = (f"{one.distribution_deviation:.3f}" for one in skew["alcohol"].prediction_stats)
    (drifted,) = (f"{one.distribution_deviation:.3f}" for one in drift["alcohol"].prediction_stats)
    assert f"alcohol 0.3 {after} > 0.3 {before} ph" in page.text
    assert f"alcohol 0.3 {drifted} > 0.3 ph" in page.text
    assert page.body.count("anomaly") == 2
    assert "UTC" in page.inside("last-run")


def test_it_leads_to_the_endpoint_and_the_endpoint_to_it(page, browse, watched):
    endpoint = browse(
        next(link for link in page.links if f"/endpoints/{watched.endpoint.rpartition('/')[2]}" in link)
    )

    assert "<h1>watched &lt;endpoint&gt;</h1>" in endpoint.body
    assert endpoint.inside("monitoring") == watched.name.rpartition("/")[2]
    # its sample is a request that is known to be good
    assert '"instances": [{"alcohol": [13.8]}]' in endpoint.inside("request")
    assert '"signature_name": "serving_raw"' in endpoint.inside("request")


def test_the_list_leads_to_it(page, browse, watched):
    listed = browse("/vertex-ai/model-monitoring")

    assert "watch <wine>" in listed.text
    assert any(link.endswith(watched.name.rpartition("/")[2]) for link in listed.links)
