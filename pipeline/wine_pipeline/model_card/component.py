"""The component that makes the card of a model."""

# no postponed annotations here: TFX reads these as objects

import json
from dataclasses import asdict

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.types.experimental.simple_artifacts import File, Metrics
from vertex_mlops.contract.reported import CARD_PAGE

from wine_pipeline.model_card.content import gather
from wine_pipeline.model_card.page import write_page
from wine_pipeline.model_card.storage import write_text

PAGE = "model_card.html"
DATA = "model_card.json"


@component
def ModelCard(  # noqa: N802 (the id of the task)
    examples: InputArtifact[standard_artifacts.Examples],
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    baseline: InputArtifact[standard_artifacts.Model],
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    blessing: InputArtifact[standard_artifacts.ModelBlessing],
    metrics: InputArtifact[Metrics],
    model_card: OutputArtifact[File],
    serving: Parameter[str],
    input_config: Parameter[str],
    job: Parameter[str],
) -> None:
    """
    Write the card of a model, blessed or not: a page that needs no other file, and the same as JSON.

    The artifact's property ``page`` is the address of the page.

    :param examples: as measured.
    :param statistics: of them.
    :param baseline: of a BaselineModel.
    :param evaluation: of an Evaluator.
    :param blessing: of the same.
    :param metrics: of a MetricsReporter.
    :param model_card: takes the card.
    :param serving: what the pipeline was compiled with, as JSON: its name, and the code that it comes from.
    :param input_config: value of the pipeline's parameter, which holds the query.
    :param job: resource name of the job, or the placeholder for it.
    """
    compiled = json.loads(serving)
    card = gather(
        pipeline=compiled["name"],
        input_config=input_config,
        git_revision=compiled["git_revision"],
        job=job,
        metrics=metrics,
        baseline=baseline,
        blessing=blessing,
        evaluation=evaluation,
        examples=examples,
        statistics=statistics,
    )
    page = f"{model_card.uri}/{PAGE}"
    write_text(page, write_page(card), "text/html; charset=utf-8")
    write_text(f"{model_card.uri}/{DATA}", json.dumps(asdict(card), indent=2), "application/json")
    model_card.set_string_custom_property(CARD_PAGE, page)
