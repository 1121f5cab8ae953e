"""What a person may set when triggering a retraining DAG; Airflow checks it and makes the form from it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

# since draft 6 a float without a fraction passes for an integer, and the validator takes the newest draft
# unless the schema names one: https://json-schema.org/draft-06/json-schema-release-notes
_DRAFT_4: Any = {"$schema": "http://json-schema.org/draft-04/schema#"}

PARAMS = {
    "force": Param(
        False,
        type="boolean",
        title="Force",
        description="Train although the last training was on the very same data, or on many more rows.",
    ),
    "data_version": Param(
        None,
        type=["null", "integer"],
        **_DRAFT_4,
        # 13 digits: a number of seconds or of microseconds is a mistake
        minimum=1_000_000_000_000,
        maximum=9_999_999_999_999,
        title="Data version",
        description=(
            "Train on the table as it was at this moment, in milliseconds since the epoch: 1764028800000 is "
            "2025-11-25 00:00 UTC. BigQuery keeps two to seven days of a table's past, as its data set says. "
            "Empty: the table as it is."
        ),
    ),
    "dry_run": Param(
        False,
        type="boolean",
        title="Dry run",
        description="Check the data and log the pipeline job that would be submitted; submit nothing.",
    ),
}
