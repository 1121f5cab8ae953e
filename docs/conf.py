"""Settings of the documentation site: ``make docs``."""

import shutil
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# what the site takes of the package localcloud, whose pages Sphinx finds only below this folder
PACKAGE = ("README.md", "CHANGELOG.md", "LICENSE", "docs", "examples")
project = "Vertex wine MLOps"
project_copyright = "The authors, Apache-2.0"
extensions = ["myst_parser", "sphinxcontrib.mermaid"]
exclude_patterns = ["operators/example_dags"]
html_theme = "furo"
html_title = project
# a link may name a heading, as on GitHub
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]


def _copy(app: Any, config: Any) -> None:
    """Copy the pages of localcloud to docs/localcloud, which git ignores."""
    shutil.rmtree(HERE / "localcloud", ignore_errors=True)
    (HERE / "localcloud").mkdir()
    for name in PACKAGE:
        source = HERE.parent / "localcloud" / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, HERE / "localcloud" / name)


def _inside(app: Any, docname: str, source: list[str]) -> None:
    """Point links between docs/ and localcloud/, written for GitHub, at pages of the site."""
    if docname.startswith("localcloud/"):
        source[0] = source[0].replace("](../docs/", "](../")
    else:
        up = "../" * docname.count("/")
        source[0] = source[0].replace(f"]({up}../localcloud/", f"]({up}localcloud/")


def setup(app: Any) -> None:
    """Connect to Sphinx."""
    app.connect("config-inited", _copy)
    app.connect("source-read", _inside)
