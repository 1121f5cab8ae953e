"""A stack that cannot start says why, in one line, and leaves nothing behind."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from deploy.terminal.progress import Progress
from dev.stack.settings import StackSettings
from dev.stack.stack import Stack, StackError
from localcloud.testing import free_port


@pytest.mark.parametrize(
    ("field", "variable"), [("airflow_port", "WINE_AIRFLOW_PORT"), ("cloud_port", "LOCALCLOUD_PORT")]
)
def test_a_taken_port_is_named_with_the_variable_that_moves_it(tmp_path: Path, field: str, variable: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = {"airflow_port": free_port(), "cloud_port": free_port(), field: port}
        stack = Stack(StackSettings(root=tmp_path, **ports), Progress(total=1))

        with pytest.raises(StackError, match=rf"port {port} is in use.*{variable}"):
            stack.start()

    assert stack.stop() == 0
