"""Names that DAGs and pipelines write, each so that the other finds them."""

from __future__ import annotations

from typing import Final, Literal

# label of a pipeline job: state of the table it learned from, in milliseconds since the epoch
DATA_VERSION_LABEL = "data_version"
# label of a pipeline job: how many rows that table had
ROW_COUNT_LABEL = "row_count"

# TensorFlow Serving's name of the signature that a request without one asks
DEFAULT_SIGNATURE = "serving_default"
RAW_SIGNATURE: Final = "serving_raw"
EXAMPLES_SIGNATURE: Final = "serving_examples"
Signature = Literal["serving_raw", "serving_examples"]

CHAMPION_ALIAS = "champion"
PREVIOUS_ALIAS = "previous"
# of the version that a promotion replaces, until it has the alias of the previous one
REPLACED_ALIAS = "replaced"

# https://cloud.google.com/resource-manager/docs/labels-overview#requirements
_MAX_LABEL_LENGTH = 63


def training_labels(dataset: str, table: str, **others: str) -> dict[str, str]:
    """
    Return the labels of the pipeline jobs that are trained on a table, and of their models.

    A job that learned from another table says nothing about this one.

    :param dataset: id of the BigQuery dataset.
    :param table: id of the table.
    :param others: labels that tell the models of one table apart.
    """
    return {**others, "table": f"{dataset}-{table}".lower()[:_MAX_LABEL_LENGTH]}
