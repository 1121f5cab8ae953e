"""The starter notebook, run against localcloud: its figures, not only its running."""

from __future__ import annotations

import json
from typing import Any

import pytest
from wine_pipeline.config import EvaluationConfig

from tests.pipeline.notebooks.notebook import Evaluate
from tests.pipeline.wine_examples import REPOSITORY

pytestmark = pytest.mark.timeout(900)

EXPRESSION = """{
    "rows": len(wines),
    "sides": [len(train), len(evaluation), len(shared)],
    "results": results,
    "scaling": scaling_difference,
    "heaviest": weights.abs().idxmax(),
}"""


@pytest.fixture(scope="module")
def found(evaluate: Evaluate) -> dict[str, Any]:
    """Run the notebook once."""
    return dict(evaluate("wine_quality_notebook.ipynb", EXPRESSION))


def test_it_reads_every_wine_of_the_table(found: dict[str, Any]) -> None:
    assert found["rows"] == 4898


def test_its_split_is_four_to_one_with_every_copy_on_one_side(found: dict[str, Any]) -> None:
    train, evaluation, shared = found["sides"]

    assert train + evaluation == 4898
    assert evaluation / 4898 == pytest.approx(0.2, abs=0.02)
    assert shared == 0


def test_tf_transform_scales_as_the_text_says(found: dict[str, Any]) -> None:
    assert found["scaling"] < 1e-4


def test_each_model_beats_the_one_before(found: dict[str, Any]) -> None:
    nothing, linear, model = (found["results"][name] for name in ("no look", "linear", "model"))

    assert nothing["accuracy"] + 0.03 < linear["accuracy"]
    assert nothing["AUC"] == 0.5
    assert 0.75 < linear["AUC"] < model["AUC"]
    assert model["MAD of the grade"] < linear["MAD of the grade"] < nothing["MAD of the grade"]


def test_its_model_is_good_enough_for_the_pipelines_own_bar(found: dict[str, Any]) -> None:
    model, bar = found["results"]["model"], EvaluationConfig()

    assert model["accuracy"] >= bar.min_accuracy
    assert model["AUC"] >= bar.min_auc
    assert model["MAD of the grade"] <= bar.max_mad


def test_alcohol_tells_most_about_a_white_wine(found: dict[str, Any]) -> None:
    assert found["heaviest"] == "alcohol"


@pytest.mark.parametrize("name", ["wine_quality_notebook.ipynb", "predict.ipynb"])
def test_a_notebook_is_committed_without_outputs(name: str) -> None:
    cells = json.loads((REPOSITORY / "pipeline" / name).read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]

    assert code
    assert [(cell["outputs"], cell["execution_count"]) for cell in code] == [([], None)] * len(code)
