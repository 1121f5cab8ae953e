"""What a caller of rawPredict learns when nothing answers."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import ServiceUnavailable
from vertex_mlops.hooks.prediction_service import RawPredictionHook

from localcloud.testing import free_port


def test_a_refused_connection_is_an_error_that_google_retries_know(monkeypatch: pytest.MonkeyPatch) -> None:
    anonymous = '{"conn_type": "google_cloud_platform", "extra": {"is_anonymous": true}}'
    monkeypatch.setenv("AIRFLOW_CONN_ANONYMOUS", anonymous)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    hook = RawPredictionHook(gcp_conn_id="anonymous")

    with pytest.raises(ServiceUnavailable, match="Connection refused"):
        hook.raw_predict(project_id="wine-local", region="europe-west1", endpoint_id="1", body={}, timeout=5)
