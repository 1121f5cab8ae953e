"""Which model the registry calls champion, and what a new one is compared with when it calls none so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from google.cloud import aiplatform_v1 as v1
from google.cloud import storage
from tfx.types import standard_artifacts
from vertex_mlops.contract.reported import CHAMPION_VERSION
from wine_pipeline.evaluation.baseline import KIND
from wine_pipeline.evaluation.majority import Majority, export_majority
from wine_pipeline.vertex.served_model import ServedModel

from localcloud.testing import Cloud
from tests.pipeline import stages
from tests.pipeline.wine_examples import Row

REGION = "europe-west1"
BUCKET = "champions"
SERVING_IMAGE = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
# each model says one grade, by which it is known again; neither is that of most wines
BEFORE, NEWEST = 3.0, 9.0


@dataclass(frozen=True)
class Registry:
    """
    The versions of one model, and what a pipeline finds next to them.

    :param client: of Vertex AI.
    :param project: that has the models.
    :param files: folder of the models' files.
    """

    client: v1.ModelServiceClient
    project: str
    files: Path

    def name(self, model: str) -> str:
        return self.client.model_path(self.project, REGION, model)

    def upload(self, model: str, grades: list[float]) -> None:
        """Register one version for each grade, without the alias `champion`."""
        for number, grade in enumerate(grades):
            request = {
                "parent": self.client.common_location_path(self.project, REGION),
                "model": {
                    "display_name": model,
                    "artifact_uri": f"gs://{BUCKET}/{grade:g}",
                    "container_spec": {"image_uri": SERVING_IMAGE},
                },
            }
            request |= {"parent_model": self.name(model)} if number else {"model_id": model}
            self.client.upload_model(request=request).result()

    def crown(self, model: str, version: int) -> None:
        """Set the alias `champion` on a version, as promote and a rollback do."""
        self.client.merge_version_aliases(name=f"{self.name(model)}@{version}", version_aliases=["champion"])


@pytest.fixture(scope="module")
def registry(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    files = tmp_path_factory.mktemp("models")
    bucket = storage.Client(project=cloud.settings.project).create_bucket(BUCKET, location="EU")
    for grade in (BEFORE, NEWEST):
        # a Trainer's folder, whose Format-Serving is what is registered
        folder = files / f"{grade:g}" / "Format-Serving"
        export_majority(Majority(good=1.0, grade=grade), str(folder))
        for path in folder.rglob("*"):
            if path.is_file():
                name = f"{grade:g}/{path.relative_to(folder)}"
                bucket.blob(name).upload_from_filename(path)
    client = v1.ModelServiceClient(client_options={"api_endpoint": f"{REGION}-aiplatform.googleapis.com"})
    return Registry(client, cloud.settings.project, files)


def compare_with(
    registry: Registry, model: str, wine_rows: list[Row], folder: Path
) -> tuple[str, str, float]:
    """Create a baseline while the newest model is the latest blessed one; return kind, version and grade."""
    examples = folder / "examples"
    stages.write_examples(wine_rows[:50], examples)
    made = stages.baseline(
        examples,
        folder / "baseline",
        latest_blessed=registry.files / f"{NEWEST:g}",
        registered_model=registry.name(model),
    )
    version = made.get_string_custom_property(CHAMPION_VERSION)
    return made.get_string_custom_property(KIND), version, said_grade(made, wine_rows[0])


def said_grade(made: standard_artifacts.Model, row: Row) -> float:
    served = ServedModel(f"{made.uri}/Format-Serving")
    example = np.array([stages.to_example(row).SerializeToString()], object)
    return float(served.ask("serving_examples", {"examples": example})["grade"].item())


def test_after_a_rollback_the_version_that_serves_is_the_champion_and_not_the_latest_blessed(
    registry: Registry, wine_rows: list[Row], tmp_path: Path
) -> None:
    registry.upload("wine-back", [BEFORE, NEWEST])
    registry.crown("wine-back", 2)
    # with the number of the project in place of its id
    name = registry.client.get_model(name=registry.name("wine-back")).name
    found = compare_with(registry, "wine-back", wine_rows, tmp_path / "served")
    assert found == ("champion", f"{name}@2", NEWEST)

    registry.crown("wine-back", 1)

    found = compare_with(registry, "wine-back", wine_rows, tmp_path / "back")
    assert found == ("champion", f"{name}@1", BEFORE)


def test_when_no_version_was_ever_promoted_a_model_is_compared_with_the_majority(
    registry: Registry, wine_rows: list[Row], tmp_path: Path
) -> None:
    registry.upload("wine-failed", [NEWEST])

    kind, version, grade = compare_with(registry, "wine-failed", wine_rows, tmp_path)

    assert (kind, version) == ("majority", "")
    assert grade not in (BEFORE, NEWEST)


def test_a_model_that_was_never_registered_leaves_the_choice_to_the_resolver(
    registry: Registry, wine_rows: list[Row], tmp_path: Path
) -> None:
    assert compare_with(registry, "wine-unknown", wine_rows, tmp_path) == ("champion", "", NEWEST)
