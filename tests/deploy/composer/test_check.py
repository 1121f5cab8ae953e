"""What Composer could not load is found before it gets there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.composer.check import CheckError, check_package
from deploy.environments import read_environment
from tests.support.repository import REPOSITORY

pytestmark = pytest.mark.usefixtures("composer_packages")

VARIABLES = read_environment("dev").variables
IMPORT_SECONDS = 15

DAG = """
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG(dag_id="{dag_id}", schedule=None):
    EmptyOperator(task_id="task")
"""
BROKEN = {
    "twin_one.py": DAG.format(dag_id="twin"),
    "twin_two.py": DAG.format(dag_id="twin"),
    "local.py": "import localcloud\n" + DAG.format(dag_id="local"),
    "syntax.py": DAG.format(dag_id="syntax") + "def :\n",
    "old.py": "from airflow.utils.dates import days_ago\nstart = days_ago(1)\n" + DAG.format(dag_id="old"),
    "slow.py": "import time\ntime.sleep(600)\n" + DAG.format(dag_id="slow"),
    "stack.py": 'import os\nos.environ["LOCALCLOUD_STATE"]\n' + DAG.format(dag_id="stack"),
    "template.py": """
from airflow.sdk import DAG, BaseOperator
class Forgetful(BaseOperator):
    template_fields = ("table",)
with DAG(dag_id="template", schedule=None):
    Forgetful(task_id="task")
""",
}


def write_package(folder: Path, files: dict[str, str]) -> Path:
    """Write a package with these DAG files and no plugin."""
    (folder / "plugins").mkdir(parents=True)
    (folder / "dags").mkdir()
    for name, content in files.items():
        (folder / "dags" / name).write_text(content)
    return folder


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the lines that a package with every fault gets."""
    package = write_package(tmp_path_factory.mktemp("package"), BROKEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALCLOUD_STATE", "/somewhere")
        with pytest.raises(CheckError) as found:
            check_package(package, VARIABLES, import_seconds=IMPORT_SECONDS)
    return str(found.value).splitlines()


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("local.py", "ModuleNotFoundError: No module named 'localcloud'"),
        ("old.py", "ImportError: cannot import name 'days_ago'"),
        ("syntax.py", "SyntaxError: invalid syntax"),
        ("slow.py", f"AirflowTaskTimeout: DagBag import timeout for {{path}} after {IMPORT_SECONDS}.0s."),
        ("twin_two.py", "AirflowDagDuplicatedIdException: Ignoring DAG twin"),
        ("stack.py", "KeyError: 'LOCALCLOUD_STATE'"),
    ],
)
def test_a_file_that_does_not_load_is_named_with_its_error(
    file: str, problem: str, problems: list[str]
) -> None:
    lines = [line for line in problems if line.startswith(f"{file}: ")]

    assert len(lines) == 1
    assert problem.partition("{path}")[0] in lines[0]
    assert problem.partition("{path}")[2] in lines[0]


def test_a_name_that_airflow_3_removed_is_found_by_the_linter(problems: list[str]) -> None:
    assert any(line.startswith("dags/old.py:2:") and " AIR301 " in line for line in problems)


def test_a_template_field_that_is_no_attribute_is_named(problems: list[str]) -> None:
    assert "template: task: template field 'table' is not an attribute of Forgetful" in problems


def test_a_package_without_faults_tells_what_was_loaded_and_how_long_it_took(tmp_path: Path) -> None:
    package = write_package(tmp_path, {"good.py": DAG.format(dag_id="good")})

    loaded = check_package(package, VARIABLES)

    assert loaded.dags == ["good"]
    assert 0 < loaded.seconds["good.py"] < 30


def test_a_module_that_composer_lacks_must_not_be_importable(tmp_path: Path) -> None:
    package = write_package(tmp_path, {"good.py": DAG.format(dag_id="good")})
    (package / "plugins" / "tfx.py").write_text("")

    with pytest.raises(CheckError, match=r"^tfx can be imported here, but not on Composer$"):
        check_package(package, VARIABLES)


def test_a_package_without_dags_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=r"^no DAG was found$"):
        check_package(write_package(tmp_path, {}), VARIABLES)


def test_the_dags_of_this_repository_pass() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.composer.check", "dev"],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for name in ("wine_drift", "wine_retraining", "wine_rollback"):
        assert f"{name}.py imported in" in done.stdout
    assert done.stdout.splitlines()[-1] == (
        "deploy-check: Composer can load wine_drift, wine_retraining_red, wine_retraining_white,"
        " wine_rollback_red, wine_rollback_white"
    )


def test_an_unknown_environment_is_named_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.composer.check", "staging"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert (
        done.stderr == "deploy-check: staging: no such environment in deploy/environments.yaml: dev, prod\n"
    )
