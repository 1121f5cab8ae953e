"""The interactive image: Jupyter in the pipeline's environment, led to localcloud."""

from __future__ import annotations

import pytest
import requests

from dev.compose.stack import ComposeStack

pytestmark = pytest.mark.timeout(300)
# runs a cell in the kernel that notebooks get
RUN_CELL = """
import nbformat, nbclient, sys
cell = nbformat.v4.new_code_cell(sys.argv[1])
client = nbclient.NotebookClient(nbformat.v4.new_notebook(cells=[cell]), kernel_name="python3", timeout=200)
client.execute()
print("".join(output["text"] for output in cell.outputs if output.output_type == "stream"))
"""
CELL = """
import wine_pipeline.config
from google.cloud import bigquery
print(wine_pipeline.__file__)
print(bigquery.Client().get_table("wine_quality.white_wine").num_rows)
"""


@pytest.fixture
def url(stack: ComposeStack) -> str:
    return f"http://127.0.0.1:{stack.notebook_port}/api"


def test_jupyter_answers_who_knows_the_token(stack: ComposeStack, url: str) -> None:
    token = {"Authorization": f"token {stack.secrets['JUPYTER_TOKEN']}"}

    known = requests.post(f"{url}/kernels", headers=token, timeout=60)
    unknown = requests.get(f"{url}/kernels", timeout=60)

    assert known.status_code == 201, known.text
    assert unknown.status_code == 403


def test_the_token_is_not_in_the_log(stack: ComposeStack) -> None:
    log = stack.run("logs", "--no-color", "notebook")

    assert "8888" in log
    assert stack.secrets["JUPYTER_TOKEN"] not in log


def test_a_cell_imports_the_mounted_pipeline_and_reads_localcloud(stack: ComposeStack) -> None:
    # docker exec does not pass the entrypoint, which leads clients to localcloud
    lead = '. /var/lib/localcloud-clients/env.sh && exec "$@"'
    said = stack.run(
        *("exec", "-T", "notebook", "sh", "-c", lead, "sh"), *("python", "-c", RUN_CELL, CELL)
    ).split()

    assert said == ["/work/pipeline/wine_pipeline/__init__.py", "4898"]


def test_it_is_published_on_loopback_and_runs_as_no_root(stack: ComposeStack) -> None:
    container = stack.containers()["notebook"]

    assert [b["HostIp"] for b in container["NetworkSettings"]["Ports"]["8888/tcp"]] == ["127.0.0.1"]
    assert container["Config"]["User"].split(":")[0] not in ("", "0", "root")
