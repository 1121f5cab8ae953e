"""The link to the card of a model, from the task that trains it and from the gate."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from vertex_mlops.links.console import CONSOLE_URL
from vertex_mlops.links.model_card import ModelCardLink
from vertex_mlops.operators.rollout.gate import BlessedModelGateOperator

from tests.support.task_context import context_of

CARD = "gs://wine-models/root/ModelCard 1/model_card/model_card.html"


def pushed(uri: str | None) -> dict[str, Any]:
    """Return what a gate pushes that lets no model pass."""
    result: Any = {"blessed": False, "reason": "too bad", "model_card": uri, "metrics": {}}
    gate = BlessedModelGateOperator(task_id="gate", project_id="w", region="r", pipeline_result=result)
    context = context_of(gate)
    with pytest.raises(AirflowSkipException):
        gate.execute(context)
    return dict(context["ti"].xcoms)


def test_it_leads_to_the_page_itself_as_a_signed_in_browser_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONSOLE_URL, raising=False)

    assert pushed(CARD)[ModelCardLink.key] == (
        "https://storage.cloud.google.com/wine-models/root/ModelCard%201/model_card/model_card.html"
    )


def test_at_another_console_the_host_is_the_first_part_of_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONSOLE_URL, "http://127.0.0.1:8080/")

    assert pushed(CARD)[ModelCardLink.key] == (
        "http://127.0.0.1:8080/storage.cloud.google.com/wine-models/root/ModelCard%201/model_card/model_card.html"
    )


def test_a_pipeline_that_makes_no_card_gets_no_link() -> None:
    assert ModelCardLink.key not in pushed(None)
