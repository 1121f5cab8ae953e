"""Pages of batch prediction jobs."""

from __future__ import annotations

from localcloud.console.pages import Asked, Page, Sources


def jobs(sources: Sources, asked: Asked) -> Page:
    """List the batch prediction jobs."""
    found = sources.vertex.batch_prediction_jobs()
    return Page("batch_prediction_jobs.html", {"batch_prediction_jobs": found})


def job(sources: Sources, asked: Asked) -> Page:
    """
    Show what a batch prediction job reads, and what it has written.

    :raises ApiError: 404 when there is no such job.
    """
    found = sources.vertex.batch_prediction_job(asked["region"], asked["id"])
    output = found.output_info
    written = f"{output.bigquery_output_dataset}.{output.bigquery_output_table}"
    return Page(
        "batch_prediction_job.html",
        {
            "job": found,
            "source": _table(found.input_config.bigquery_source.input_uri),
            "predictions": _table(written),
        },
    )


def _table(uri: str) -> list[str]:
    """Return data set and table of ``bq://PROJECT.DATASET.TABLE``; nothing if one is missing."""
    parts = uri.split(".")[1:]
    return parts if len(parts) == 2 and all(parts) else []
