"""The pages of batch prediction jobs."""

from __future__ import annotations

from tests.console import links
from tests.console.pages import Browse
from tests.vertex.batch.conftest import batch, model_folders, models  # noqa: F401
from tests.vertex.batch.jobs import Batch

WINES = "SELECT 13.5 AS alcohol, 3.5 AS ph UNION ALL SELECT 9.0, 3.0"


def test_a_job_shows_what_it_reads_and_has_written(
    browse: Browse,
    batch: Batch,  # noqa: F811
    models: dict[str, str],  # noqa: F811
) -> None:
    job = batch.run(models["named"], batch.fill(WINES), labels={"wine": "white"})

    page = browse(links.of(links.BATCH_PREDICTION_JOB, job.name))

    assert page.status == 200
    assert page.inside("state") == "Succeeded"
    assert (page.inside("predicted"), page.inside("failed")) == ("2", "0")
    assert page.inside("source") == f"{batch.dataset}.wines"
    assert "wine: white" in page.text
    (written,) = (link for link in page.links if job.output_info.bigquery_output_table in link)
    assert job.output_info.bigquery_output_table in browse(written).text
    for path in ("/", "/vertex-ai/batch-predictions"):
        assert links.of(links.BATCH_PREDICTION_JOB, job.name).partition("?")[0] in browse(path).links


def test_a_job_that_failed_shows_why(
    browse: Browse,
    batch: Batch,  # noqa: F811
    models: dict[str, str],  # noqa: F811
) -> None:
    job = batch.run(models["named"], f"{batch.uri}.absent")

    page = browse(links.of(links.BATCH_PREDICTION_JOB, job.name))

    assert (page.inside("state"), page.inside("error")) == ("Failed", job.error.message)
    assert "none yet" in page.text
    assert browse("/vertex-ai/locations/europe-west1/batch-predictions/1").status == 404
