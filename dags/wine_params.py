"""The params of a retraining DAG; Airflow validates them and builds the trigger form from them."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

# since draft 6 a float without a fraction counts as an integer, and the validator uses the newest draft
# unless the schema names one: https://json-schema.org/draft-06/json-schema-release-notes
_DRAFT_4: Any = {"$schema": "http://json-schema.org/draft-04/schema#"}

PARAMS = {
    "force": Param(
        False,
        type="boolean",
        title="Force",
        description="Train even if the last training used the same data, or many more rows.",
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
            "Train on the table as it was at this time, in milliseconds since the epoch: 1764028800000 is "
            "2025-11-25 00:00 UTC. BigQuery keeps a table's history for two to seven days, depending on its "
            "data set. Empty: the current table."
        ),
    ),
    "dry_run": Param(
        False,
        type="boolean",
        title="Dry run",
        description="Check the data and log the pipeline job that would be submitted; submit nothing.",
    ),
}
