"""Settings of the documentation site: ``make docs``."""

project = "Vertex wine MLOps"
project_copyright = "The authors, Apache-2.0"
extensions = ["myst_parser", "sphinxcontrib.mermaid"]
exclude_patterns = ["operators/example_dags"]
html_theme = "furo"
html_title = project
# a link may name a heading, as on GitHub
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
