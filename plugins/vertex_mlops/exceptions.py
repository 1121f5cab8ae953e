"""Failures that a retry cannot mend: each says in one line what is wrong and where."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowFailException


class SpecError(AirflowFailException):
    """The compiled pipeline file is missing, or carries no valid data contract."""


class DataContractError(AirflowFailException):
    """The table is missing, or its rows break the data contract of the compiled pipeline."""


class PipelineJobFailedError(AirflowFailException):
    """The Vertex AI pipeline job ended without success."""


class DeployedModelRejectedError(AirflowFailException):
    """The newly deployed model does not answer as it must."""


class ModelMonitoringJobError(AirflowFailException):
    """The endpoint's monitoring job cannot be brought into the wanted state."""
