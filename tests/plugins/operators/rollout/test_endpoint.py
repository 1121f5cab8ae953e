"""Whether a newly deployed model keeps its traffic, decided by asking real model servers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from json import JSONDecodeError
from typing import Any

import psutil
import pytest
from airflow.sdk.exceptions import AirflowFailException
from google.api_core.exceptions import InvalidArgument, ServiceUnavailable, Unauthorized
from google.auth.exceptions import InvalidValue, MalformedError
from vertex_mlops.contract.retries import is_transient
from vertex_mlops.exceptions import DeployedModelRejectedError, EndpointChangedError
from vertex_mlops.hooks.prediction_service import RawPrediction, RawPredictionHook
from vertex_mlops.operators.rollout.endpoint import Probed, _verdict
from vertex_mlops.rollout.prediction_metrics import ServedRequests
from vertex_mlops.rollout.probe import Probe, check_close, most_requests, read_prediction
from vertex_mlops.rollout.settings import RolloutSettings

from localcloud.testing import Cloud
from localcloud.vertex.metrics.service import SAMPLE_SECONDS
from tests.plugins.contract.contracts import contract
from tests.plugins.operators.rollout.rollouts import SOUND, Rollout
from tests.support.task_context import context_of

Deployed = dict[str, Any]


@pytest.fixture
def beside(rollout: Rollout) -> Callable[..., tuple[Deployed, Deployed]]:
    """Deploy a model next to a sound champion and give it a share of the traffic."""
    rollout.crown("sound")

    def deploy(model: str, percent: int) -> tuple[Deployed, Deployed]:
        deployed = rollout.deploy(rollout.upload(model))
        return deployed, rollout.shift(deployed, percent)

    return deploy


@pytest.mark.parametrize("percent", [10, 100])
def test_a_sound_model_is_asked_until_it_has_answered_and_is_timed(
    rollout: Rollout, beside: Any, percent: int
) -> None:
    rollout.results["other"] = rollout.outcome("other", known_answers=[{"good": 0.8, "grade": 6.1}])
    deployed, traffic = beside("other", percent)

    seen = rollout.verify(deployed, traffic, "other")

    assert seen["predictions"] == [pytest.approx({"good": 0.8, "grade": 6.1})]
    # those of the two signatures, and those that are timed
    assert (seen["requests"], seen["failed"]) == (22, 0)
    assert seen["decided_by"] == "probes"
    assert seen["latency_ms"] > 0
    assert rollout.traffic[deployed["deployed_model_id"]] == percent


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("disagrees", "grade=6.4, the offline evaluation has 6.5"),
        ("impossible", "good=1.5, outside 0..1"),
        ("nan", "nan"),
        ("other", "the offline evaluation has"),
    ],
)
def test_a_model_that_answers_badly_is_rejected_and_the_message_says_how(
    rollout: Rollout, beside: Any, model: str, reason: str
) -> None:
    deployed, traffic = beside(model, 50)

    with pytest.raises(DeployedModelRejectedError) as error:
        rollout.verify(deployed, traffic, model)

    assert reason in str(error.value).lower()
    assert f"deployed model {deployed['deployed_model_id']} of" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("left", [0, 40])
def test_a_model_whose_traffic_somebody_has_taken_is_not_rejected(
    rollout: Rollout, beside: Any, left: int
) -> None:
    deployed, traffic = beside("nan", 50)
    mine, champion = deployed["deployed_model_id"], deployed["champion_id"]
    rollout.give({mine: left, champion: 100 - left} if left else {champion: 100})
    operator = rollout.verifier(deployed, traffic, "nan")
    context = context_of(operator)

    with pytest.raises(EndpointChangedError, match=f"expected 50 % with deployed model {mine}.*no verdict"):
        operator.execute(context)

    assert "rejected" not in context["ti"].xcoms


def test_a_model_that_is_slower_than_it_may_be_is_rejected(rollout: Rollout, beside: Any) -> None:
    deployed, traffic = beside("sound-again", 100)

    slow = r"95% of 22 requests took up to \d.* ms by the probes, more than 0.001 ms"
    with pytest.raises(DeployedModelRejectedError, match=slow):
        rollout.verify(deployed, traffic, "sound-again", settings=RolloutSettings(max_latency_ms=0.001))


def test_with_other_callers_the_metrics_of_all_decide(rollout: Rollout, beside: Any) -> None:
    deployed, traffic = beside("sound-again", 100)
    for _ in range(7):
        rollout.ask(deployed["endpoint"])

    seen = rollout.verify(deployed, traffic, "sound-again")

    assert (seen["requests"], seen["failed"], seen["decided_by"]) == (29, 0, "metrics")
    slow = r"95% of 51 requests took up to \d.* ms by the metrics, more than 0.001 ms"
    with pytest.raises(DeployedModelRejectedError, match=slow):
        rollout.verify(deployed, traffic, "sound-again", settings=RolloutSettings(max_latency_ms=0.001))


def test_requests_of_anybody_that_fail_count(rollout: Rollout, beside: Any) -> None:
    deployed, traffic = beside("sound-again", 100)
    for _ in range(5):
        rollout.ask_nonsense(deployed["endpoint"])

    with pytest.raises(
        DeployedModelRejectedError, match=r"5 of 27 requests failed by the metrics, more than"
    ):
        rollout.verify(deployed, traffic, "sound-again")


def test_what_was_before_the_step_does_not_count(rollout: Rollout, beside: Any) -> None:
    deployed, _ = beside("sound-again", 50)
    rollout.shift(deployed, 100)
    for _ in range(5):
        rollout.ask_nonsense(deployed["endpoint"])
    # the point that the moment falls into counts as a whole
    time.sleep(SAMPLE_SECONDS)

    assert rollout.verify(deployed, {"percent": 100, "since": now()}, "sound-again")["failed"] == 0


def test_what_an_earlier_try_has_asked_is_no_other_callers(rollout: Rollout, beside: Any) -> None:
    deployed, traffic = beside("sound-again", 100)
    for _ in range(5):
        rollout.ask_nonsense(deployed["endpoint"])
    time.sleep(SAMPLE_SECONDS)
    verifier = rollout.verifier(deployed, traffic, "sound-again")
    context = context_of(verifier)
    context["ti"].try_number = 2

    assert verifier.execute(context)["decided_by"] == "probes"


def test_metrics_that_never_come_leave_the_decision_to_the_probes(rollout: Rollout, beside: Any) -> None:
    deployed, traffic = beside("sound-again", 100)
    for _ in range(5):
        rollout.ask_nonsense(deployed["endpoint"])
    time.sleep(SAMPLE_SECONDS)

    # on a busy machine points may come in time; they show no other caller
    seen = rollout.verify(deployed, traffic | {"since": now()}, "sound-again", wait_timeout=0)

    assert (seen["requests"], seen["failed"], seen["decided_by"]) == (22, 0, "probes")


def test_an_outage_is_no_verdict(
    rollout: Rollout, beside: Any, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vertex_mlops.operators.rollout.endpoint._ANSWER_TIMEOUT", 1)
    monkeypatch.setattr("vertex_mlops.operators.rollout.endpoint._PROBE_SECONDS", 2)
    running = model_servers(cloud)
    deployed, traffic = beside("sound-again", 100)
    (server,) = model_servers(cloud) - running
    server.suspend()
    try:
        operator = rollout.verifier(deployed, traffic, "sound-again")
        with pytest.raises(Exception) as error:  # noqa: PT011 (which one depends on what is asked first)
            operator.execute(context_of(operator))
    finally:
        server.resume()

    assert is_transient(error.value)
    assert not isinstance(error.value, DeployedModelRejectedError)


def test_an_accounts_key_that_cannot_be_read_is_no_verdict(
    rollout: Rollout, beside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an account whose key google.auth refuses with a ValueError
    key = {"type": "service_account", "client_email": "a@b", "token_uri": "https://c", "private_key": "no"}
    extra = {"keyfile_dict": json.dumps(key)}
    connection = {"conn_type": "google_cloud_platform", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN_KEY", json.dumps(connection))
    deployed, traffic = beside("sound-again", 100)
    operator = rollout.verifier(deployed, traffic, "sound-again")
    operator._raw = RawPredictionHook(gcp_conn_id="broken_key")

    with pytest.raises(ValueError) as error:  # noqa: PT011 (its words are cryptography's)
        operator.execute(context_of(operator))

    # then it is an error, which Airflow tries again
    assert not isinstance(error.value, AirflowFailException)


@pytest.mark.parametrize(
    "broken", [JSONDecodeError("cut off", "{", 1), InvalidValue("no token"), MalformedError("no key")]
)
def test_what_says_nothing_about_the_model_is_passed_on_as_it_is(broken: ValueError) -> None:
    def ask() -> RawPrediction:
        raise broken

    with pytest.raises(type(broken)) as error:
        Probe("1", 100, 60).send_until_answered(ask)

    assert error.value is broken


def now() -> str:
    return datetime.now(UTC).isoformat()


def model_servers(cloud: Cloud) -> set[psutil.Process]:
    """Return the processes of localcloud that listen on a port of their own."""
    assert cloud.process is not None
    children = psutil.Process(cloud.process.pid).children(recursive=True)
    return {
        child
        for child in children
        if any(connection.status == psutil.CONN_LISTEN for connection in child.net_connections("tcp"))
    }


def answer(deployed_model_id: str = "1", **outputs: Any) -> RawPrediction:
    return RawPrediction(deployed_model_id, {"predictions": [{"good": [0.9], "grade": [6.5]} | outputs]})


def test_a_share_is_asked_so_often_that_silence_means_something() -> None:
    assert most_requests(100) == 5
    for percent in (1, 10, 50):
        assert (1 - percent / 100) ** most_requests(percent) <= 1e-9


def test_a_model_that_never_answers_is_rejected_with_what_was_refused() -> None:
    def ask() -> RawPrediction:
        raise InvalidArgument("no such signature")

    with pytest.raises(
        DeployedModelRejectedError, match=r"answered none of 5 requests at 100 % of the traffic: 400 no such"
    ):
        Probe("1", 100, 60).send_until_answered(ask)


def test_answers_of_another_model_are_no_proof() -> None:
    with pytest.raises(DeployedModelRejectedError, match="answered none of 30 requests at 50 %"):
        Probe("1", 50, 60).send_until_answered(lambda: answer("2"))


def test_errors_on_the_way_are_passed_over_until_the_model_answers() -> None:
    found: list[Any] = [ServiceUnavailable("restarting"), answer("2"), answer("1")]

    def ask() -> RawPrediction:
        result = found.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    assert Probe("1", 50, 60).send_until_answered(ask) == answer().body


def test_a_request_that_opens_a_connection_is_not_timed() -> None:
    probe = Probe("1", 100, 60)
    probe.send_until_answered(answer, timed=False)
    probe.send_until_answered(answer)

    probe.send_until([answer], 3)

    assert (probe.answered, len(probe.milliseconds), probe.failed) == (4, 3, 0)


@pytest.mark.parametrize(("percent", "failed"), [(100, 1), (50, 0)])
def test_a_refusal_counts_only_where_it_is_told_whose_it_is(percent: int, failed: int) -> None:
    found: list[Any] = [InvalidArgument("no"), ServiceUnavailable("restarting"), answer("1")]

    def ask() -> RawPrediction:
        result = found.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    probe = Probe("1", percent, 60)
    probe.send_until_answered(ask)

    assert (probe.failed, probe.outages) == (failed, 1)


@pytest.mark.parametrize(("requests", "decided_by"), [(23, "probes"), (24, "metrics")])
def test_an_outage_that_the_task_has_met_is_no_sign_of_another_caller(requests: int, decided_by: str) -> None:
    probed = Probed([], answered=22, failed=0, outages=1, latency_ms=5.0, since=now(), until=now())

    judged = _verdict(probed, ServedRequests(requests, 1, requests - 1, 9.0, None))

    assert judged.decided_by == decided_by
    assert judged.failed == (decided_by == "metrics")


def test_nothing_but_an_outage_is_raised_as_such() -> None:
    def ask() -> RawPrediction:
        raise ServiceUnavailable("restarting")

    with pytest.raises(ServiceUnavailable):
        Probe("1", 100, 60).send_until_answered(ask)


def test_an_account_that_may_not_ask_says_nothing_about_the_model() -> None:
    def ask() -> RawPrediction:
        raise Unauthorized("no")

    with pytest.raises(Unauthorized):
        Probe("1", 100, 60).send_until_answered(ask)


@pytest.mark.parametrize(
    "bad",
    [
        answer(good=[float("nan")]),
        answer(good=[-0.1]),
        answer(grade=[float("inf")]),
        answer(grade=[]),
        answer(grade=None),
        RawPrediction("1", {"error": "no such signature"}),
        RawPrediction("1", {"predictions": []}),
    ],
)
def test_every_malformed_answer_is_refused(bad: RawPrediction) -> None:
    with pytest.raises(DeployedModelRejectedError, match="serving_default"):
        read_prediction("serving_default", bad.body, contract().outputs)


def test_an_output_that_the_contract_does_not_name_is_passed_over() -> None:
    seen = read_prediction("serving_default", answer(grade_low=[5.5]).body, contract().outputs)

    assert seen == {"good": 0.9, "grade": 6.5}


def test_answers_that_differ_by_rounding_agree() -> None:
    check_close("it", {"good": 0.9, "grade": 6.50001}, SOUND, tolerance=1e-3)
