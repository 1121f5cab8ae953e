"""The wheel alone gives Airflow the operators, their links and the page, and an example DAG runs with it."""

from __future__ import annotations

import json
import shutil
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
import vertex_mlops
from vertex_mlops.provider_info import get_provider_info

from localcloud.clients.environment import client_environment
from localcloud.testing import Cloud
from tests.plugins.runs.pipelines import pipeline, step
from tests.plugins.wheel.wheel_environment import DISTRIBUTION, Run
from tests.support.airflow_environment import REPOSITORY
from tests.support.task_context import REGION

pytestmark = pytest.mark.timeout(1500)

EXAMPLE = REPOSITORY / "docs" / "operators" / "example_dags" / "example_pipeline_job.py"
BUCKET = "wheel"

PROVIDERS = f"""
import json
from airflow.providers_manager import ProvidersManager
manager = ProvidersManager()
print(json.dumps([manager.providers[{DISTRIBUTION!r}].version, manager.extra_links_class_names]))
"""
PLUGINS = """
import json, vertex_mlops
from airflow import plugins_manager
apps, _ = plugins_manager.get_fastapi_plugins()
print(json.dumps([[app["url_prefix"] for app in apps], vertex_mlops.__file__]))
"""


def test_the_wheel_holds_the_package_with_its_data_and_nothing_beside_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        told = message_from_string(archive.read(metadata).decode())

    package = REPOSITORY / "plugins" / "vertex_mlops"
    files = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == files
    assert {"vertex_mlops/py.typed", "vertex_mlops/page/static/page.css"} <= files
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert (told["Name"], told["Version"]) == (DISTRIBUTION, vertex_mlops.__version__)


def test_airflow_lists_the_provider_with_its_links(run: Run) -> None:
    version, links = json.loads(run("python", "-c", PROVIDERS).splitlines()[-1])

    assert version == vertex_mlops.__version__
    assert set(get_provider_info()["extra-links"]) <= set(links)
    assert DISTRIBUTION in run("airflow", "providers", "list")


@pytest.mark.parametrize("folder", ["nothing", "plugins"])
def test_the_page_is_registered_once_also_where_the_package_lies_in_the_plugins_folder(
    run: Run, folder: str
) -> None:
    variables = {"AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / folder)}

    prefixes, _ = json.loads(run("python", "-c", PLUGINS, **variables).splitlines()[-1])

    assert prefixes == ["/models-in-service"]


def test_an_example_dag_runs_without_the_plugins_folder(
    run: Run, home: Path, installed: Path, cloud: Cloud
) -> None:
    from google.cloud import storage

    bucket = storage.Client(project=cloud.settings.project).create_bucket(BUCKET, location="EU")
    spec = pipeline(step("Nothing", "pass"))
    bucket.blob("specs/example.json").upload_from_string(json.dumps(spec))
    (home / "dags").mkdir()
    dag_file = shutil.copy(EXAMPLE, home / "dags")
    place = {"WINE_PROJECT": cloud.settings.project, "WINE_REGION": REGION, "WINE_BUCKET": BUCKET}
    variables = client_environment(cloud.settings) | place
    run("airflow", "db", "migrate", **variables)

    printed = run("airflow", "dags", "test", "-f", str(dag_file), "example_pipeline_job", **variables)

    assert "PIPELINE_STATE_SUCCEEDED" in printed
    _, file = json.loads(run("python", "-c", PLUGINS).splitlines()[-1])
    assert Path(file).is_relative_to(installed)
