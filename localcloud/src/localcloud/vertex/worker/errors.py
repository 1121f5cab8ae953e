"""Errors of the processes of the pipeline environment."""

from __future__ import annotations


class WorkerError(Exception):
    """A process of the pipeline environment could not be started or used; the message says why."""


class PipelinePythonMissingError(WorkerError):
    """The interpreter of the pipeline environment does not exist."""


class WorkerDiedError(WorkerError):
    """The warm process ended, and with it every task and every deployed model."""


class ChildStoppedError(WorkerError):
    """The task or the model was stopped by its starter."""


class UnsupportedCommandError(WorkerError):
    """A container command that is not ``python -m MODULE``."""


class ReplicaFailedError(WorkerError):
    """A model could not be loaded; the text is the loader's error."""


class MeasuringFailedError(WorkerError):
    """Statistics of requests that cannot be computed."""
