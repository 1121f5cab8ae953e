"""Whether a newly deployed model keeps its traffic, decided by asking real model servers."""

from __future__ import annotations

from typing import Any

import psutil
import pytest
from airflow.providers.google.cloud.hooks.vertex_ai.endpoint_service import EndpointServiceHook
from airflow.sdk.exceptions import AirflowSkipException
from google.api_core.exceptions import DeadlineExceeded, RetryError
from vertex_mlops.exceptions import DeployedModelRejectedError
from vertex_mlops.hooks.prediction_service import RawPrediction
from vertex_mlops.operators.endpoint import VerifyDeployedModelOperator, check_answers
from vertex_mlops.pipeline_jobs import PipelineResult

from tests.conftest import Cloud
from tests.plugins.conftest import Upload, context_of
from tests.plugins.contracts import CONTRACT, contract
from tests.plugins.operators.conftest import Endpoint, Models

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


def verifier(place: dict[str, str], spec_uri: str, **result: Any) -> VerifyDeployedModelOperator:
    return VerifyDeployedModelOperator(
        task_id="verify", pipeline_result=PUSHED_NOTHING | result, template_path=spec_uri, **place
    )


def verify(place: dict[str, str], spec_uri: str, **result: Any) -> dict[str, Any]:
    operator = verifier(place, spec_uri, **result)
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


def test_a_model_whose_default_signature_takes_named_features_is_asked_in_its_own_way(
    place: dict[str, str], endpoint: Endpoint, upload: Upload, models: Models
) -> None:
    spec_uri = upload(
        {
            "pipelineSpec": {},
            "dataContract": CONTRACT | {"sample_example": models.example, "default_signature": "serving_raw"},
        }
    )
    new = endpoint.deploy("named")

    result = verify(place, spec_uri, **pushed(endpoint, "named", new))

    assert result["prediction"] == pytest.approx({"good": 0.9, "grade": 6.5})
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
    assert str(error.value).endswith(f"all traffic went back to deployed model {old}; it was undeployed")
    assert "\n" not in str(error.value)
    assert endpoint.traffic == {old: 100}
    assert endpoint.deployed == {old}


def test_after_two_rejected_models_in_a_row_the_champion_still_serves(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str
) -> None:
    champion = endpoint.deploy("sound")

    for model in ("impossible", "disagrees"):
        new = endpoint.deploy(model)
        with pytest.raises(DeployedModelRejectedError):
            verify(place, spec_uri, **pushed(endpoint, model, new))

    assert endpoint.traffic == {champion: 100}
    assert endpoint.deployed == {champion}


def test_a_retry_after_a_try_that_died_between_traffic_and_undeploying_finishes_its_work(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str
) -> None:
    champion = endpoint.deploy("sound")
    younger = endpoint.deploy("other", traffic=0)
    new = endpoint.deploy("impossible")
    endpoint.serve_from(champion)

    with pytest.raises(DeployedModelRejectedError, match=f"answered by deployed model '{champion}'"):
        verify(place, spec_uri, **pushed(endpoint, "impossible", new))

    assert endpoint.traffic == {champion: 100}
    assert endpoint.deployed == {champion, younger}


def test_clearing_the_task_of_a_model_that_is_gone_changes_nothing(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str
) -> None:
    gone = endpoint.deploy("other")
    champion = endpoint.deploy("sound")
    endpoint.undeploy(gone)

    with pytest.raises(DeployedModelRejectedError, match=r"it is not deployed any more$"):
        verify(place, spec_uri, **pushed(endpoint, "other", gone))

    assert endpoint.traffic == {champion: 100}
    assert endpoint.deployed == {champion}


def test_traffic_goes_back_to_the_model_that_has_most_of_the_rest_not_to_a_younger_idle_one(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str
) -> None:
    champion = endpoint.deploy("sound")
    endpoint.deploy("other", traffic=0)
    new = endpoint.deploy("impossible", traffic=50)

    with pytest.raises(DeployedModelRejectedError):
        verify(place, spec_uri, **pushed(endpoint, "impossible", new))

    assert endpoint.traffic == {champion: 100}


def test_a_rejected_model_that_cannot_be_undeployed_does_not_hide_why_it_was_rejected(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str
) -> None:
    class OvertakenHook(EndpointServiceHook):
        def undeploy_model(self, **arguments: Any) -> Any:
            # somebody else is faster, and the service refuses the second call
            endpoint.undeploy(arguments["deployed_model_id"])
            return super().undeploy_model(**arguments)

    champion = endpoint.deploy("sound")
    new = endpoint.deploy("impossible")
    operator = verifier(place, spec_uri, **pushed(endpoint, "impossible", new))
    operator.hook = OvertakenHook()

    with pytest.raises(
        DeployedModelRejectedError, match=r"good=1\.5, outside 0\.\.1; .*undeploy it by hand: 404"
    ):
        operator.execute(context_of(operator))

    assert endpoint.traffic == {champion: 100}


def test_an_undeployment_that_is_not_answered_ends_the_try(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.deploy("other")
    new = endpoint.deploy("sound")
    monkeypatch.setattr("vertex_mlops.operators.endpoint.REQUEST_SECONDS", 2)
    slow = ("EndpointService.UndeployModel", "--latency", "10")
    assert cloud.command("fault", "add", *slow).returncode == 0

    with pytest.raises(DeadlineExceeded):
        verify(place, spec_uri, **pushed(endpoint, "sound", new))

    assert endpoint.traffic == {new: 100}


def test_a_model_that_hangs_is_rejected_by_the_last_try(
    place: dict[str, str],
    endpoint: Endpoint,
    spec_uri: str,
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vertex_mlops.operators.endpoint._ANSWER_SECONDS", 1)
    monkeypatch.setattr("vertex_mlops.operators.endpoint._RETRY_SECONDS", 2)
    champion = endpoint.deploy("sound")
    running = model_servers(cloud)
    new = endpoint.deploy("other")
    (server,) = model_servers(cloud) - running
    server.suspend()
    operator = verifier(place, spec_uri, **pushed(endpoint, "other", new))
    context = context_of(operator)
    context["ti"].max_tries = 1

    with pytest.raises(RetryError, match="no answer within 1 s"):
        operator.execute(context)
    assert endpoint.traffic == {new: 100}

    context["ti"].try_number = 2
    with pytest.raises(DeployedModelRejectedError, match="no answer within 1 s"):
        operator.execute(context)
    assert endpoint.traffic == {champion: 100}
    assert endpoint.deployed == {champion}


def model_servers(cloud: Cloud) -> set[psutil.Process]:
    """The processes of localcloud that listen on a port of their own."""
    assert cloud.process is not None
    children = psutil.Process(cloud.process.pid).children(recursive=True)
    return {
        child
        for child in children
        if any(connection.status == psutil.CONN_LISTEN for connection in child.net_connections("tcp"))
    }


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
