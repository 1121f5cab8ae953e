"""
Exceptions of the package; each message is one line with the problem and where it is.

A subclass of AirflowFailException is not retried: a retry cannot help.
"""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowException, AirflowFailException


class SpecError(AirflowFailException):
    """The compiled pipeline is missing, has no valid data contract, or rejects its parameters."""


class DataContractError(AirflowFailException):
    """The table is missing or cannot be trained on, or its rows break the pipeline's data contract."""


class DataVersionError(AirflowFailException):
    """The requested state of the table cannot be read."""


class PipelineJobFailedError(AirflowFailException):
    """The Vertex AI pipeline job ended without success."""


class BatchPredictionJobFailedError(AirflowFailException):
    """The batch prediction job ended without success, or left too many rows without a prediction."""


class PipelineJobMismatchError(AirflowFailException):
    """A Vertex AI pipeline job with the expected id is already running, for another run or on other data."""


class PipelineJobNotCancelledError(AirflowException):
    """The Vertex AI pipeline job does not end although it was cancelled; a retry cancels it again."""


class DeployedModelRejectedError(AirflowFailException):
    """
    The newly deployed model was rejected.

    It is raised only for the model's own answers, errors or latency, or if it answers none of its share of
    the requests.
    """


class MissingResultError(AirflowFailException):
    """An upstream task has no result, such as one that was marked success manually; clear that task."""


class RunConfError(AirflowFailException):
    """The run was triggered with a key that its DAG does not know."""


class VertexOperationError(AirflowException):
    """A long-running operation of Vertex AI ended with an error; a retry starts another one."""


class VertexOperationTimeoutError(AirflowException):
    """A long-running operation of Vertex AI takes too long; a retry finds it, and waits again."""


class ServiceAgentsMissingError(AirflowException):
    """Vertex AI has not created its service agents; a retry checks again."""


class NoPreviousModelError(AirflowFailException):
    """There is no champion, or no previous champion to roll back to."""


class ChampionChangedError(AirflowFailException):
    """The champion is no longer the version that the new model was compared with."""


class EndpointChangedError(AirflowFailException):
    """Somebody else has changed the traffic of the endpoint since the previous step; nothing was changed."""


class EndpointTakenError(AirflowFailException):
    """Unrelated models have all traffic of the endpoint, so the new model can get none."""


class ModelMonitoringJobError(AirflowFailException):
    """The endpoint's monitoring job has failed, or cannot be created or updated."""


class ModelMonitoringJobUnsettledError(AirflowException):
    """The endpoint's monitoring job is still changing; a retry finds it, and waits again."""


class ModelMonitoringJobImmutableError(ModelMonitoringJobError):
    """Fields of the endpoint's monitoring job differ that no update can change; they are listed."""


class ModelMonitoringJobPausedError(ModelMonitoringJobError):
    """The endpoint's monitoring job is paused: it monitors nothing, and accepts no update."""


class DagRunMarkedFailedError(AirflowFailException):
    """The run was marked failed before its pipeline job had ended."""


class UnknownFeatureError(ModelMonitoringJobError):
    """A threshold is set for a feature that the model does not have; what it has is listed."""
