"""The examples and the code of the README run as printed."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
from tests.curl import needs_curl

from localcloud.testing import Cloud

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLES = PROJECT / "examples"


def test_python(cloud: Cloud) -> None:
    done = cloud.client(sys.executable, str(EXAMPLES / "client.py"))

    assert done.stdout == "[{'id': 1, 'name': 'one'}, {'id': 2, 'name': 'two'}]\n[]\n", done.stderr


@needs_curl
def test_curl(cloud: Cloud) -> None:
    done = cloud.client("sh", str(EXAMPLES / "curl.sh"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert '"totalRows": "1"' in done.stdout
    assert '"bucket": "curl-example"' in done.stdout


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="there is no gcloud on the PATH")
def test_gcloud(cloud: Cloud) -> None:
    done = cloud.client("sh", str(EXAMPLES / "gcloud.sh"))

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_first_block_of_the_readme(make_localcloud) -> None:
    (code, _) = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)

    with make_localcloud().running() as empty:
        done = empty.client(sys.executable, "-c", code)

    assert done.stdout == "[{'id': 1, 'name': 'one'}, {'id': 2, 'name': 'two'}]\n", done.stderr
