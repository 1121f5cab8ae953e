"""What the gate says of a verdict, and what it lets through."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from vertex_mlops.operators.rollout.gate import BlessedModelGateOperator

from tests.support.task_context import REGION, context_of

FEW = "the eval split has 14 distinct rows, a verdict needs 150"
WORSE = "mean_absolute_error of grade is +0.0300 compared with the champion's"


def gate_of(**outcome: Any) -> BlessedModelGateOperator:
    """Create a gate for the result of a pipeline job whose model was compared with the majority."""
    result: Any = {
        "name": f"projects/1/locations/{REGION}/pipelineJobs/run-1",
        "blessed": True,
        "verdict": "blessed",
        "reason": "",
        "evidence": "",
        "champion_version": "",
        "metrics": {"mad": 0.5},
        "model_card": None,
    }
    return BlessedModelGateOperator(
        task_id="gate", project_id="wine-local", region=REGION, pipeline_result=result | outcome
    )


def skipped_because(**outcome: Any) -> str:
    """Run the gate on a result, and return the reason why it skips the rollout."""
    gate = gate_of(blessed=False, **outcome)
    context = context_of(gate)
    with pytest.raises(AirflowSkipException) as skipped:
        gate.execute(context)
    assert context["ti"].xcoms["skipped_because"] == str(skipped.value)
    return str(skipped.value)


@pytest.mark.parametrize(
    ("verdict", "reason", "said"),
    [
        ("not judged", FEW, f"not judged: {FEW}; the champion stays"),
        ("not blessed", WORSE, f"not blessed: {WORSE}; the champion stays"),
        ("", "", "not blessed: the pipeline reports no reason; the champion stays"),
    ],
    ids=["not-judged", "not-blessed", "untold"],
)
def test_the_rollout_is_skipped_with_the_verdict_and_its_reason(verdict: str, reason: str, said: str) -> None:
    assert skipped_because(verdict=verdict, reason=reason) == said


def test_a_blessed_model_goes_on_with_its_metrics() -> None:
    gate = gate_of()

    assert gate.execute(context_of(gate)) == {"metrics": {"mad": 0.5}, "champion_version": ""}
