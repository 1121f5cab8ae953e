"""Who may import whom, and which names are spelled out once."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

# top-level packages that a folder never imports, not even inside a function
FORBIDDEN = {
    "dags": {"tfx", "tensorflow", "localcloud", "dev", "deploy", "wine_pipeline"},
    "plugins": {"tfx", "tensorflow", "localcloud", "dev", "deploy", "wine_pipeline", "wine_config"},
    "pipeline": {"airflow", "localcloud", "dev", "deploy", "vertex_mlops"},
    "localcloud": {"airflow", "tfx", "dev", "deploy", "vertex_mlops", "wine_pipeline"},
}

# what builds or launches a pipeline; a task that imports tfx.v1 pays seconds for all of TFX
BUILDERS = {f"pipeline/wine_pipeline/{name}.py" for name in ("acceptance", "compile", "local", "pipeline")}

FEATURES = "pipeline/wine_pipeline/features.py"
# too generic to prove anything: they also stand for other things
COMMON_WORDS = {"alcohol", "chlorides", "density", "ph", "sulphates"}
# folder: why it spells out features
SPELLED_OUT = {"tests/localcloud/bigquery": "imitates any table; its rows come from the real data set"}
SOURCE_SUFFIXES = {".cfg", ".ini", ".json", ".py", ".sh", ".sql", ".toml", ".yaml", ".yml"}


def source_files() -> list[str]:
    """Every file of the repository that holds code or configuration, also one that is new."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [
        name
        for name in listed
        if (name == "Makefile" or Path(name).suffix in SOURCE_SUFFIXES) and (REPOSITORY / name).is_file()
    ]


def imports(source: str) -> Iterator[str]:
    """The top-level package of every import in a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def feature_names() -> list[str]:
    """The first argument of each Feature in features.py, which cannot be imported here."""
    tree = ast.parse((REPOSITORY / FEATURES).read_text())
    return [
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Feature"
    ]


@pytest.mark.parametrize(("folder", "forbidden"), FORBIDDEN.items(), ids=FORBIDDEN)
def test_no_folder_imports_what_it_must_not_know(folder: str, forbidden: set[str]) -> None:
    modules = [name for name in source_files() if name.startswith(f"{folder}/") and name.endswith(".py")]

    assert modules
    found = {name: forbidden.intersection(imports((REPOSITORY / name).read_text())) for name in modules}
    assert {name: packages for name, packages in found.items() if packages} == {}


def test_tasks_of_the_pipeline_import_what_they_need_and_not_all_of_tfx() -> None:
    whole = re.compile(r"^from tfx import v1|^import tfx\.v1|^from tfx\.v1", re.MULTILINE)
    modules = {name for name in source_files() if name.startswith("pipeline/wine_pipeline/")}

    assert modules >= BUILDERS
    assert {name for name in modules if whole.search((REPOSITORY / name).read_text())} == BUILDERS


def test_an_import_is_found_wherever_it_stands() -> None:
    source = """
import one.part as other
def function():
    from two.part import name
    if name:
        import three, four
from . import sibling
from .five import name
"""

    assert set(imports(source)) == {"one", "two", "three", "four"}


def test_features_are_spelled_out_in_one_place() -> None:
    names = set(feature_names()) - COMMON_WORDS
    spelled = re.compile("|".join(sorted(names)))

    assert len(names) == 6
    found = {
        name: sorted(set(spelled.findall((REPOSITORY / name).read_text())))
        for name in source_files()
        if name != FEATURES and str(Path(name).parent) not in SPELLED_OUT
    }
    assert {name: features for name, features in found.items() if features} == {}


@pytest.mark.parametrize("folder", SPELLED_OUT)
def test_every_exception_is_still_needed(folder: str) -> None:
    texts = [path.read_text() for path in (REPOSITORY / folder).glob("*.py")]

    assert any(name in text for name in set(feature_names()) - COMMON_WORDS for text in texts)
