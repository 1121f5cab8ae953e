"""What can go wrong between localcloud and the processes of the pipeline environment."""

from __future__ import annotations


class WorkerError(Exception):
    """A process of the pipeline environment could not be started or used; the text says why, in one line."""


class PipelinePythonMissingError(WorkerError):
    """There is no interpreter where the settings say that the pipeline environment is."""


class WorkerDiedError(WorkerError):
    """The warm process ended, and with it every task and every deployed model."""


class ChildStoppedError(WorkerError):
    """The task or the model was stopped by whoever started it."""


class UnsupportedCommandError(WorkerError):
    """A container command that is not ``python -m MODULE``."""


class ReplicaFailedError(WorkerError):
    """A model could not be loaded; the text is the loader's error."""


class MeasuringFailedError(WorkerError):
    """Statistics of requests that cannot be computed."""
