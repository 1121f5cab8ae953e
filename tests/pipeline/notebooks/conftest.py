"""A cloud as the lab's users find it, and their notebooks, run from the first cell to the last."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.clients.environment import process_environment
from localcloud.testing import Cloud
from tests.pipeline.notebooks.notebook import Evaluate
from tests.pipeline.wine_examples import REPOSITORY, read_uci

if importlib.util.find_spec("tfx") is None:
    collect_ignore_glob = ["test_*.py"]

CELL_SECONDS = 240
SERVE_SECONDS = 240


@pytest.fixture(scope="session")
def served(
    make_localcloud: Callable[..., Cloud], model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    """Return a cloud with the white wines and a trained model that serves; this process is not led to it."""
    wines = [{name: value for name, value in row.items() if name != "good"} for row in read_uci("white")]
    rows = tmp_path_factory.mktemp("rows") / "white.json"
    rows.write_text(json.dumps(wines))
    with make_localcloud().running() as cloud:
        subprocess.run(
            [sys.executable, Path(__file__).with_name("serve.py"), rows, model / "Format-Serving"],
            env=process_environment(cloud.settings),
            check=True,
            timeout=SERVE_SECONDS,
        )
        yield cloud


@pytest.fixture(scope="session")
def evaluate(served: Cloud) -> Evaluate:
    """Run a notebook of pipeline/ as committed, then return the value of an expression in it."""
    import nbformat
    from nbclient import NotebookClient

    def run(name: str, expression: str) -> Any:
        notebook = nbformat.read(REPOSITORY / "pipeline" / name, as_version=4)
        question = nbformat.v4.new_code_cell(f"import json\nprint(json.dumps({expression}))")
        notebook.cells.append(question)
        place = {"metadata": {"path": str(REPOSITORY / "pipeline")}}
        NotebookClient(notebook, timeout=CELL_SECONDS, resources=place).execute(
            env=process_environment(served.settings)
        )
        printed = [output.text for output in question.outputs if output.get("name") == "stdout"]
        return json.loads("".join(printed))

    return run
