"""
What can go wrong, told in one line that says what and where.

An AirflowFailException is what a retry cannot mend: Airflow does not try again.
"""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowException, AirflowFailException


class SpecError(AirflowFailException):
    """The compiled pipeline is missing, carries no valid data contract, or does not take what it is given."""


class DataContractError(AirflowFailException):
    """The table is missing or cannot be trained on, or its rows break the pipeline's data contract."""


class DataVersionError(AirflowFailException):
    """The state of the table that was asked for cannot be read."""


class PipelineJobFailedError(AirflowFailException):
    """The Vertex AI pipeline job ended without success."""


class PipelineJobMismatchError(AirflowFailException):
    """A Vertex AI pipeline job of the wanted id runs already, for another run or on other data."""


class PipelineJobNotCancelledError(AirflowException):
    """The Vertex AI pipeline job does not end although it was cancelled; a retry cancels it again."""


class DeployedModelRejectedError(AirflowFailException):
    """
    The newly deployed model does not answer as it must.

    Nothing else is a verdict: it is raised only where the model's own answers, refusals or figures decide, or
    where it answers none of its share of the requests.
    """


class MissingResultError(AirflowFailException):
    """A task before has left no result, as one does that was marked success by hand; clear that task."""


class RunConfError(AirflowFailException):
    """The run was triggered with a key that its DAG does not know."""


class VertexOperationError(AirflowException):
    """A long-running operation of Vertex AI ended with an error; a retry begins another one."""


class VertexOperationTimeoutError(AirflowException):
    """A long-running operation of Vertex AI goes on for too long; a retry finds it, and waits again."""


class ServiceAgentsMissingError(AirflowException):
    """Vertex AI has not made the accounts that it acts as; a retry looks again."""


class NoPreviousModelError(AirflowFailException):
    """There is no champion, or no model that was it before, to go back to."""


class ChampionChangedError(AirflowFailException):
    """The champion is not the version any more that the new model was found better than."""


class EndpointChangedError(AirflowFailException):
    """Somebody else has changed the traffic of the endpoint since the step before: it is left as it is."""


class EndpointTakenError(AirflowFailException):
    """Models of others have all traffic of the endpoint: nothing is left to share out."""


class ModelMonitoringJobError(AirflowFailException):
    """The endpoint's monitoring job cannot be brought into the wanted state."""


class ModelMonitoringJobUnsettledError(AirflowException):
    """The endpoint's monitoring job is still changing; a retry finds it, and waits again."""


class ModelMonitoringJobImmutableError(ModelMonitoringJobError):
    """Fields of the endpoint's monitoring job differ that no update can change; they are listed."""


class ModelMonitoringJobPausedError(ModelMonitoringJobError):
    """The endpoint's monitoring job is paused: it watches nothing, and takes no update."""


class DagRunMarkedFailedError(AirflowFailException):
    """Somebody has marked the run failed while its pipeline job was to do."""


class UnknownFeatureError(ModelMonitoringJobError):
    """A threshold is set for a feature that the model does not have; what it has is listed."""
