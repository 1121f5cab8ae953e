"""The component that puts the Evaluator's figures where the finished job shows them."""

# no postponed annotations here: TFX reads these as objects

from dataclasses import asdict

from tfx import v1 as tfx
from tfx.dsl.component.experimental.decorators import component
from tfx.types.experimental.simple_artifacts import Metrics

from wine_pipeline.metrics import read_metrics


@component
def MetricsReporter(  # noqa: N802 (the id of the task)
    evaluation: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    metrics: tfx.dsl.components.OutputArtifact[Metrics],
) -> None:
    """
    Write each figure of an evaluation as a property of an artifact, whose metadata a pipeline job shows.

    Those of the champion begin with ``champion_``.

    :param evaluation: of an Evaluator.
    :param metrics: takes the figures.
    """
    found = read_metrics(evaluation.uri)
    figures = asdict(found.candidate)
    if found.baseline:
        figures |= {f"champion_{name}": value for name, value in asdict(found.baseline).items()}
    for name, value in figures.items():
        metrics.set_float_custom_property(name, float(value))
