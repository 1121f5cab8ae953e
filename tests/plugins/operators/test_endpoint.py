"""Whether a newly deployed model keeps its traffic, decided by asking real model servers."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from vertex_mlops.exceptions import DeployedModelRejectedError
from vertex_mlops.hooks.prediction_service import RawPrediction
from vertex_mlops.operators.endpoint import VerifyDeployedModelOperator, check_answers
from vertex_mlops.pipeline_jobs import PipelineResult

from tests.plugins.conftest import context_of
from tests.plugins.contracts import contract
from tests.plugins.operators.conftest import Endpoint

PUSHED_NOTHING = PipelineResult(
    name="projects/1/locations/r/pipelineJobs/j",
    state="PIPELINE_STATE_SUCCEEDED",
    data_version="1",
    blessed=False,
    model=None,
    endpoint=None,
    deployed_model_id=None,
    training_examples="gs://b/examples",
    evaluation="gs://b/evaluation",
)


def verify(place: dict[str, str], spec_uri: str, **result: Any) -> dict[str, Any]:
    operator = VerifyDeployedModelOperator(
        task_id="verify", pipeline_result=PUSHED_NOTHING | result, template_path=spec_uri, **place
    )
    return operator.execute(context_of(operator))


def pushed(endpoint: Endpoint, model: str, deployed_model_id: str) -> dict[str, Any]:
    return {
        "blessed": True,
        "model": endpoint.models.names[model],
        "endpoint": endpoint.name,
        "deployed_model_id": deployed_model_id,
    }


def test_a_sound_model_keeps_its_traffic_and_the_one_before_it_is_undeployed(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str
) -> None:
    old = endpoint.deploy("other")
    new = endpoint.deploy("sound")

    result = verify(place, spec_uri, **pushed(endpoint, "sound", new))

    assert result["undeployed"] == [old]
    assert result["prediction"] == pytest.approx({"good": 0.9, "grade": 6.5})
    assert (result["endpoint"], result["deployed_model_id"]) == (endpoint.name, new)
    assert endpoint.deployed == {new}
    assert endpoint.traffic == {new: 100}


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("disagrees", "grade is 6.5 by serving_raw but 6.4"),
        ("impossible", "serving_raw answered good=1.5, outside 0..1"),
        ("nan", "nan"),
    ],
)
def test_a_model_that_answers_badly_loses_its_traffic_to_the_one_before_it(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str, model: str, reason: str
) -> None:
    old = endpoint.deploy("sound")
    new = endpoint.deploy(model)

    with pytest.raises(DeployedModelRejectedError) as error:
        verify(place, spec_uri, **pushed(endpoint, model, new))

    assert reason in str(error.value).lower()
    assert str(error.value).endswith(f"all traffic went back to deployed model {old}")
    assert "\n" not in str(error.value)
    assert endpoint.traffic == {old: 100}
    assert endpoint.deployed == {old, new}


def test_traffic_goes_back_to_the_most_recent_of_several_models(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str
) -> None:
    endpoint.deploy("other")
    recent = endpoint.deploy("sound")
    new = endpoint.deploy("impossible")

    with pytest.raises(DeployedModelRejectedError):
        verify(place, spec_uri, **pushed(endpoint, "impossible", new))

    assert endpoint.traffic == {recent: 100}


def test_without_a_model_before_it_the_failure_says_so(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str
) -> None:
    new = endpoint.deploy("impossible")

    with pytest.raises(DeployedModelRejectedError, match="no other model to send the traffic to"):
        verify(place, spec_uri, **pushed(endpoint, "impossible", new))


def test_an_answer_from_another_model_than_the_new_one_is_no_proof(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str
) -> None:
    new = endpoint.deploy("sound")
    serving = endpoint.deploy("other")

    with pytest.raises(DeployedModelRejectedError, match=f"answered by deployed model '{serving}'"):
        verify(place, spec_uri, **pushed(endpoint, "sound", new))


def test_every_model_without_traffic_is_undeployed_also_one_that_came_later(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str
) -> None:
    idle = endpoint.deploy("other")
    new = endpoint.deploy("sound")
    shadow = endpoint.deploy("other", traffic=0)

    result = verify(place, spec_uri, **pushed(endpoint, "sound", new))

    assert set(result["undeployed"]) == {idle, shadow}


def test_a_model_that_was_not_blessed_skips_the_task_and_says_why(place: dict[str, str]) -> None:
    with pytest.raises(AirflowSkipException, match=r"^not blessed: nothing was pushed, the champion stays$"):
        verify(place, "gs://plugins/none.json")


def test_a_pushed_model_that_no_endpoint_has_is_an_error(place: dict[str, str]) -> None:
    with pytest.raises(DeployedModelRejectedError, match="models/7 is not deployed to any endpoint"):
        verify(place, "gs://plugins/none.json", blessed=True, model="projects/1/locations/r/models/7")


def answer(deployed_model_id: str = "1", **outputs: Any) -> RawPrediction:
    return RawPrediction(deployed_model_id, {"predictions": [{"good": [0.9], "grade": [6.5]} | outputs]})


@pytest.mark.parametrize(
    "bad",
    [
        answer(good=[float("nan")]),
        answer(good=[-0.1]),
        answer(grade=[float("inf")]),
        answer(grade=[]),
        answer(grade=None),
        answer("2"),
        RawPrediction("1", {"error": "no such signature"}),
        RawPrediction("1", {"predictions": []}),
    ],
)
def test_every_malformed_answer_is_refused(bad: RawPrediction) -> None:
    with pytest.raises(ValueError, match="serving_default"):
        check_answers({"serving_raw": answer(), "serving_default": bad}, "1", contract().outputs)


def test_answers_that_differ_by_rounding_agree() -> None:
    answers = {"serving_raw": answer(), "serving_default": answer(grade=[6.50001])}

    assert check_answers(answers, "1", contract().outputs) == {"good": 0.9, "grade": 6.5}
