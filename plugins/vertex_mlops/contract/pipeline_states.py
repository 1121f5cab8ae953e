"""Names of the states of a pipeline job: the enum would load all types of Vertex AI with every DAG file."""

from __future__ import annotations

SUCCEEDED = "PIPELINE_STATE_SUCCEEDED"
PAUSED = "PIPELINE_STATE_PAUSED"
# A paused job is not among them: it goes on when a person resumes it.
ENDED_STATES = frozenset({SUCCEEDED, "PIPELINE_STATE_FAILED", "PIPELINE_STATE_CANCELLED"})
# a job in one of these will never succeed
UNSUCCESSFUL_STATES = frozenset(
    {"PIPELINE_STATE_FAILED", "PIPELINE_STATE_CANCELLING", "PIPELINE_STATE_CANCELLED"}
)
# nothing is left to wait for or to cancel
TERMINAL_STATES = ENDED_STATES | UNSUCCESSFUL_STATES
