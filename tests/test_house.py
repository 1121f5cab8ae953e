"""Who may import whom, and which names are spelled out once."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

# what localcloud knows nothing of
PROJECT = {"dags", "deploy", "dev", "vertex_mlops", "wine_config", "wine_pipeline"}
# top-level packages that a folder never imports, not even inside a function
FORBIDDEN = {
    "dags": {"tfx", "tensorflow", "localcloud", "dev", "deploy", "wine_pipeline"},
    "plugins": {"tfx", "tensorflow", "localcloud", "dev", "deploy", "wine_pipeline", "wine_config"},
    "pipeline": {"airflow", "localcloud", "dev", "deploy"},
    "deploy": {"dev", "tests", "tfx", "tensorflow"},
    "dev": {"tests", "tfx", "tensorflow", "wine_pipeline", "vertex_mlops"},
    "localcloud/src": {"airflow", "tfx", *PROJECT},
    # clients of localcloud that its users may have: tests of them are skipped where they are not installed
    "localcloud/tests": PROJECT,
    "localcloud/tools": PROJECT,
}

# what of the plugins the pipeline may import, and all that this may import apart from the standard library
CONTRACT = "vertex_mlops.contract"
IN_BOTH_ENVIRONMENTS = (
    CONTRACT,
    "google.api_core",
    "google.auth",
    "google.cloud.aiplatform_v1",
    "google.cloud.bigquery",
    "google.protobuf",
    "pydantic",
    "requests",
    "yaml",
)

# what builds or launches a pipeline; a task that imports tfx.v1 pays seconds for all of TFX
BUILDERS = {
    f"pipeline/wine_pipeline/{name}.py"
    for name in ("commands/acceptance", "commands/compile", "commands/local", "pipeline")
}

# entries of a folder that a reader takes in at a glance: of each that holds Python, and of all below these
ROOMS = ("deploy", "dev", "localcloud/src", "plugins")
MOST_ENTRIES = 12
# what Python and pytest look for under a fixed name in the folder itself
FIXED_NAMES = {"__init__.py", "conftest.py", "py.typed"}
# folder: why it may hold more
LARGE_FOLDERS = {
    "docs": "Sphinx reads conf.py next to the pages, one for each subject",
    "localcloud/src/localcloud/console/templates": "one file for each page",
}

FEATURES = "pipeline/wine_pipeline/features.py"
# too generic to prove anything: they also stand for other things
COMMON_WORDS = {"alcohol", "chlorides", "density", "ph", "sulphates"}
# folder: why it spells out features
SPELLED_OUT = {"localcloud/tests/bigquery": "imitates any table; its rows come from the real data set"}
# what no imperative begins with; D401 of ruff finds verbs of another mood
NOT_VERBS = {"A", "All", "An", "Every", "How", "Its", "No", "Some", "The", "What", "When", "Where", "Whether"}
SOURCE_SUFFIXES = {".cfg", ".ini", ".json", ".py", ".sh", ".sql", ".toml", ".yaml", ".yml"}


def listed_files() -> list[str]:
    """Return every file of the repository, also one that is new."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [name for name in listed if (REPOSITORY / name).is_file()]


def source_files() -> list[str]:
    """Return every file that holds code or configuration."""
    return [name for name in listed_files() if name == "Makefile" or Path(name).suffix in SOURCE_SUFFIXES]


def imported_modules(source: str) -> Iterator[str]:
    """Return the name of every module that a module imports or takes names from; none that is relative."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def imports(source: str) -> Iterator[str]:
    """Return the top-level package of every import in a module."""
    return (name.partition(".")[0] for name in imported_modules(source))


def is_within(module: str, packages: Iterable[str]) -> bool:
    """Return whether a module is one of the packages or is inside one."""
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def feature_names() -> list[str]:
    """Return the first argument of each Feature in features.py, which cannot be imported here."""
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


@pytest.mark.parametrize("folder", ["pipeline", "deploy"])
def test_a_folder_imports_nothing_of_the_plugins_but_the_contract(folder: str) -> None:
    found = {
        (name, module)
        for name in source_files()
        if name.startswith(f"{folder}/") and name.endswith(".py")
        for module in imported_modules((REPOSITORY / name).read_text())
        if is_within(module, ["vertex_mlops"])
    }

    assert found
    assert {(name, module) for name, module in found if not is_within(module, [CONTRACT])} == set()


def test_the_contract_imports_what_both_environments_have() -> None:
    folder = f"plugins/{CONTRACT.replace('.', '/')}/"
    # importing the contract imports the package around it first
    modules = ["plugins/vertex_mlops/__init__.py"]
    modules += [name for name in source_files() if name.startswith(folder)]

    assert len(modules) > 2
    allowed = (*sys.stdlib_module_names, *IN_BOTH_ENVIRONMENTS)
    found = {
        (name, module) for name in modules for module in imported_modules((REPOSITORY / name).read_text())
    }
    assert {(name, module) for name, module in found if not is_within(module, allowed)} == set()


def test_no_folder_holds_more_than_a_reader_takes_in_at_a_glance() -> None:
    entries: dict[str, set[str]] = {}
    limited: set[str] = set()
    for name in listed_files():
        parts = Path(name).parts
        folders = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
        for folder, entry in zip(folders, parts[1:], strict=True):
            if entry not in FIXED_NAMES:
                entries.setdefault(folder, set()).add(entry)
        if name.endswith(".py") or name.startswith(tuple(f"{room}/" for room in ROOMS)):
            limited.update(folders)

    assert {*ROOMS, "pipeline", "localcloud/tests", "tests"} <= limited
    large = {
        folder: len(entries[folder]) for folder in limited if len(entries.get(folder, ())) > MOST_ENTRIES
    }
    assert set(large) == set(LARGE_FOLDERS), large


def test_tasks_of_the_pipeline_import_what_they_need_and_not_all_of_tfx() -> None:
    whole = re.compile(r"^from tfx import v1|^import tfx\.v1|^from tfx\.v1", re.MULTILINE)
    modules = {name for name in source_files() if name.startswith("pipeline/wine_pipeline/")}

    assert modules >= BUILDERS
    assert {name for name in modules if whole.search((REPOSITORY / name).read_text())} == BUILDERS


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    first_words = {
        f"{name}:{node.name}": (ast.get_docstring(node) or "-").split()[0]
        for name in source_files()
        if name.endswith(".py")
        for node in ast.walk(ast.parse((REPOSITORY / name).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {function: word for function, word in first_words.items() if word in NOT_VERBS} == {}


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
        if name != FEATURES and not name.startswith(tuple(f"{folder}/" for folder in SPELLED_OUT))
    }
    assert {name: features for name, features in found.items() if features} == {}


@pytest.mark.parametrize("folder", SPELLED_OUT)
def test_every_exception_is_still_needed(folder: str) -> None:
    texts = [path.read_text() for path in (REPOSITORY / folder).rglob("*.py")]

    assert any(name in text for name in set(feature_names()) - COMMON_WORDS for text in texts)
