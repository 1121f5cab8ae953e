"""The link to an endpoint's monitoring job."""

from __future__ import annotations

import pytest
from google.cloud.aiplatform.jobs import ModelDeploymentMonitoringJob
from vertex_mlops.links.console import CONSOLE_URL
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink


def test_the_link_leads_to_the_page_that_the_sdk_of_this_version_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(CONSOLE_URL, raising=False)

    link = ModelMonitoringJobLink()._format_link(project_id="wine", region="europe-west1", job_id="7")

    assert link == (
        "https://console.cloud.google.com/agent-platform/locations/europe-west1/"
        f"{ModelDeploymentMonitoringJob._job_type}/7?project=wine"
    )
