"""Batch prediction jobs on a data set, as a client creates them and waits for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.cloud import aiplatform_v1 as v1
from google.cloud import bigquery

from localcloud.testing import eventually

RUNNING = ("JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_CANCELLING")


@dataclass(frozen=True)
class Batch:
    """A data set, and the jobs that read from it and write to it."""

    jobs: v1.JobServiceClient
    tables: bigquery.Client
    parent: str
    dataset: str

    @property
    def uri(self) -> str:
        """Return the URI of the dataset."""
        return f"bq://{self.tables.project}.{self.dataset}"

    def fill(self, sql: str, table: str = "wines") -> str:
        """Create a table from a query, and return its URI."""
        self.tables.query_and_wait(f"CREATE OR REPLACE TABLE {self.dataset}.{table} AS {sql}")
        return f"{self.uri}.{table}"

    def body(self, model: str, source: str, **fields: Any) -> dict[str, Any]:
        """Return a job from a table to the data set; keywords set other fields."""
        return {
            "display_name": "wines",
            "model": model,
            "input_config": {"instances_format": "bigquery", "bigquery_source": {"input_uri": source}},
            "instance_config": {"instance_type": "object"},
            "output_config": {
                "predictions_format": "bigquery",
                "bigquery_destination": {"output_uri": self.uri},
            },
            "dedicated_resources": {
                "machine_spec": {"machine_type": "n1-standard-2"},
                "starting_replica_count": 1,
            },
            **fields,
        }

    def create(self, model: str, source: str, **fields: Any) -> v1.BatchPredictionJob:
        """Create a job."""
        body = self.body(model, source, **fields)
        return self.jobs.create_batch_prediction_job(parent=self.parent, batch_prediction_job=body)

    def finish(self, name: str) -> v1.BatchPredictionJob:
        """Wait for the end of a job."""
        return eventually(
            lambda: self.jobs.get_batch_prediction_job(name=name),
            lambda job: job.state.name not in RUNNING,
            90,
        )

    def run(self, model: str, source: str, **fields: Any) -> v1.BatchPredictionJob:
        """Create a job and wait for its end."""
        return self.finish(self.create(model, source, **fields).name)

    def rows(self, table: str, order: str = "id") -> list[dict[str, Any]]:
        """Read a table of the data set."""
        found = self.tables.query_and_wait(f"SELECT * FROM `{self.dataset}.{table}` ORDER BY {order}")
        return [dict(row) for row in found]
