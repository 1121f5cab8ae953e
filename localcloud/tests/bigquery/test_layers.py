"""Each layer only imports lower ones: api, jobs, reads, warehouse, sql, store, errors."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import localcloud.bigquery

FOLDER = Path(localcloud.bigquery.__file__).parent
# from the top to the bottom
LAYERS = ("api", "jobs", "reads", "warehouse", "sql", "store", "errors")


def imported_layers(module: Path) -> Iterator[str]:
    """Return the layers that a module imports."""
    for node in ast.walk(ast.parse(module.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("localcloud.bigquery."):
                yield name.split(".")[2]


def test_no_layer_imports_one_above_it() -> None:
    modules = {path: path.relative_to(FOLDER).parts[0].removesuffix(".py") for path in FOLDER.rglob("*.py")}

    assert {layer for layer in modules.values() if layer != "__init__"} == set(LAYERS)
    upwards = [
        f"{path.relative_to(FOLDER)} imports {layer}"
        for path, own in modules.items()
        if own in LAYERS
        for layer in imported_layers(path)
        if LAYERS.index(layer) < LAYERS.index(own)
    ]
    assert upwards == []
