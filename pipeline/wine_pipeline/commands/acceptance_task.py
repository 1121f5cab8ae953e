"""The one task of the pipeline of ``make acceptance``."""

# no postponed annotations here: TFX reads these as objects

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.experimental.simple_artifacts import Metrics


class AcceptanceTaskError(RuntimeError):
    """The task was asked to fail."""


@component
def AcceptanceTask(  # noqa: N802 (the id of the task)
    problem: Parameter[str],
    job: Parameter[str],
    reference: Parameter[str],
    metrics: OutputArtifact[Metrics],
) -> None:
    """
    Show what it was given as properties of an artifact, or fail.

    :param problem: message of the failure; none if empty.
    :param job: the job's name, if Vertex AI has replaced the placeholder.
    :param reference: to a variable that the task does not have.
    :param metrics: takes the properties.
    :raises AcceptanceTaskError: it is asked to.
    """
    if problem:
        raise AcceptanceTaskError(problem)
    metrics.set_string_custom_property("job", job)
    metrics.set_string_custom_property("reference", reference)
    metrics.set_float_custom_property("figure", 1.5)
