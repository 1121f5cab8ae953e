"""The wheel in an empty environment: the command, Google's clients, and the pytest fixtures."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.config import HOST
from localcloud.testing import eventually, free_port

# on a machine that has not downloaded the wheels before
pytestmark = pytest.mark.timeout(900)
# the environment before a fixture points this process at localcloud, through which no registry can be reached
OUTSIDE = dict(os.environ)
PROJECT = Path(__file__).resolve().parents[2]

CLIENTS = """
from google.cloud import aiplatform_v1, bigquery, storage

assert [row.values() for row in bigquery.Client().query_and_wait("SELECT 1 + 1")] == [(2,)]
bucket = storage.Client().create_bucket("wheel")
bucket.blob("a").upload_from_string("text")
assert bucket.blob("a").download_as_text() == "text"
options = {"api_endpoint": "us-central1-aiplatform.googleapis.com"}
models = aiplatform_v1.ModelServiceClient(client_options=options)
print(list(models.list_models(parent="projects/local-project/locations/us-central1")), "from all three")
"""
CONFTEST = """
import os

def pytest_unconfigure():
    print("proxy at the end:", os.environ.get("HTTPS_PROXY"))
"""
TESTS = """
import os
from google.cloud import bigquery

def test_clients_find_it(localcloud):
    assert os.environ["GOOGLE_CLOUD_PROJECT"] == localcloud.settings.project == "local-project"
    assert [row.values() for row in bigquery.Client().query_and_wait("SELECT 1 + 1")] == [(2,)]

def test_another_one_has_a_port_and_a_folder_of_its_own(localcloud, make_localcloud):
    other = make_localcloud(project="other-project")
    assert other.settings.port != localcloud.settings.port
    assert other.settings.state != localcloud.settings.state
    assert not other.serves()

def test_no_mail_has_come(localcloud_mail):
    assert localcloud_mail.messages == []
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, install it into an empty environment, and return the folder of its programs."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("there is no uv on the PATH")
    folder = tmp_path_factory.mktemp("wheel")
    venv = folder / "venv"
    wheels = ["--constraint", PROJECT / "requirements.txt", "pytest>=8"]
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", folder, PROJECT], env=OUTSIDE, check=True)
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, venv], env=OUTSIDE, check=True)
    install = [uv, "pip", "install", "--quiet", "--python", venv / "bin" / "python"]
    subprocess.run([*install, *wheels, *folder.glob("*.whl")], env=OUTSIDE, check=True)
    return venv / "bin"


@pytest.fixture
def environment(installed: Path, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a user who only has the wheel."""
    return {
        "HOME": str(tmp_path),
        "LOCALCLOUD_PORT": str(free_port()),
        "PATH": f"{installed}{os.pathsep}/usr/bin{os.pathsep}/bin",
    }


@pytest.fixture
def up(installed: Path, environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start the command, and wait until it serves."""
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [installed / "localcloud", "up"], cwd=tmp_path, env=environment, stdout=file, stderr=file
        )
    status = [installed / "localcloud", "status"]

    def serves() -> bool:
        assert process.poll() is None, output.read_text()
        return not subprocess.run(status, env=environment, capture_output=True, check=False).returncode

    eventually(serves)
    yield process
    process.kill()
    process.wait()


def test_the_command_serves_googles_clients(
    up: subprocess.Popen[bytes], environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "clients.py").write_text(CLIENTS)

    done = subprocess.run(
        ["sh", "-c", 'eval "$(localcloud env)" && python clients.py'],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout == "[] from all three\n", done.stderr
    assert (tmp_path / ".local" / "state" / "localcloud" / "bigquery").is_dir()
    # the templates of the pages are package data
    connection = http.client.HTTPConnection(HOST, int(environment["LOCALCLOUD_PORT"]), timeout=60)
    for path in ("/", "/static/console.css"):
        connection.request("GET", path, headers={"Accept": "text/html"})
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
    up.send_signal(signal.SIGINT)
    assert up.wait(60) == 0


def test_its_fixtures_serve_a_project_that_configures_nothing(
    installed: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_project.py").write_text(TESTS)

    done = subprocess.run(
        [installed / "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    assert "proxy at the end: None" in done.stdout
