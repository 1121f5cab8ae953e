"""The endpoint is asked with curl where there is one, and with the same request in Python where not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dev.stack.settings import StackSettings
from dev.stack.vertex_state import VertexState
from localcloud.testing import Cloud

BODY = {"instances": [{"alcohol": [13.8]}], "signature_name": "serving_raw"}


@pytest.fixture
def state(cloud: Cloud, tmp_path: Path) -> VertexState:
    return VertexState(StackSettings(root=tmp_path, cloud_port=cloud.settings.port))


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl on the PATH")
def test_curl_shows_what_vertex_refused(state: VertexState):
    with pytest.raises(RuntimeError, match=r"^curl https(.|\n)*endpoints/404(.|\n)*NOT_FOUND"):
        state.raw_predict(f"{state.parent}/endpoints/404", BODY)


def test_without_curl_python_shows_what_vertex_refused(state: VertexState, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(RuntimeError, match=r"^https(.|\n)*endpoints/404:rawPredict: 404(.|\n)*NOT_FOUND"):
        state.raw_predict(f"{state.parent}/endpoints/404", BODY)
