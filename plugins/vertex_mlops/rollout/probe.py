"""Requests to one of several deployed models of an endpoint, and checks of its answers."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Forbidden, GoogleAPICallError, RetryError, Unauthorized

from vertex_mlops.contract.data_contract import Range
from vertex_mlops.contract.retries import is_transient
from vertex_mlops.exceptions import DeployedModelRejectedError

if TYPE_CHECKING:
    from vertex_mlops.hooks.prediction_service import RawPrediction

# a model that has its share of the traffic stays silent for so long only once in a thousand million times
_MISS = 1e-9
_AT_LEAST = 5

SendRequest = Callable[[], "RawPrediction"]


def most_requests(percent: int) -> int:
    """
    Return the number of requests after which a model that has not answered is taken for dead.

    Vertex AI shares requests out at random, and ``predict`` cannot name the deployed model that it is for.

    :param percent: share of the traffic that the model has.
    :return: the number.
    """
    if percent >= 100:
        return _AT_LEAST
    return max(_AT_LEAST, math.ceil(math.log(_MISS) / math.log(1 - percent / 100)))


class Probe:
    """
    Repeats a request until a certain deployed model has answered it.

    :param deployed_model_id: id of that model.
    :param percent: its share of the traffic.
    :param seconds: time limit of all requests together, in seconds.
    """

    def __init__(self, deployed_model_id: str, percent: int, seconds: float) -> None:
        self.deployed_model_id = deployed_model_id
        self.percent = percent
        self.seconds = seconds
        self.answered = 0
        # refusals while the model has all traffic: at a smaller share it is not told whose they are
        self.failed = 0
        # errors that say nothing about the model, though the metrics may count them as its own
        self.outages = 0
        self.milliseconds: list[float] = []
        self._started = time.monotonic()

    def send_until_answered(self, send: SendRequest, *, timed: bool = True) -> dict[str, Any]:
        """
        Repeat a request until the model has answered it.

        :param send: sends the request.
        :param timed: whether the latency counts; not if the request opens a connection.
        :return: the body of the answer.
        :raises DeployedModelRejectedError: it never answered, and the last refusal says why, if there is one.
        :raises google.api_core.exceptions.GoogleAPICallError: it never answered, and there was nothing but
            errors that say nothing about it. What is none of Google's errors, such as an account's key that
            cannot be read or an answer broken on its way, is passed on as well.
        """
        refusal: Exception | None = None
        outage: Exception | None = None
        for _ in range(most_requests(self.percent)):
            if time.monotonic() - self._started > self.seconds:
                raise outage or RetryError(f"no answer within {self.seconds:g} s", cause=None)
            asked = time.monotonic()
            try:
                answer = send()
            except (Forbidden, Unauthorized):
                # says something about this task's account, nothing about the model
                raise
            except (GoogleAPICallError, RetryError) as error:
                # which of the models it was is not told
                if is_transient(error):
                    outage = error
                    self.outages += 1
                else:
                    refusal = error
                    self.failed += self.percent >= 100
                continue
            if answer.deployed_model_id == self.deployed_model_id:
                self.answered += 1
                if timed:
                    self.milliseconds.append((time.monotonic() - asked) * 1000)
                return answer.body
        if refusal is None and outage is not None:
            raise outage
        cause = f": {' '.join(str(refusal).split())}" if refusal else ""
        raise DeployedModelRejectedError(
            f"deployed model {self.deployed_model_id} answered none of {most_requests(self.percent)}"
            f" requests at {self.percent} % of the traffic{cause}"
        )

    def send_until(self, requests: Sequence[SendRequest], answers: int) -> None:
        """
        Repeat requests until enough answers of the model were timed.

        :param requests: send the requests, in turn.
        :param answers: number of timed answers, those of earlier requests included.
        """
        for send in itertools.cycle(requests):
            if len(self.milliseconds) >= answers:
                return
            self.send_until_answered(send)


def read_prediction(
    signature: str, body: Mapping[str, Any], outputs: Mapping[str, Range]
) -> dict[str, float]:
    """
    Read the one prediction of an answer.

    :param signature: name of the signature, for the message.
    :param body: body of the answer.
    :param outputs: range of each output that it must hold.
    :return: values by output.
    :raises DeployedModelRejectedError: it is malformed, not finite or out of range.
    """
    try:
        (prediction,) = body["predictions"]
        values = {name: float(prediction[name][0]) for name in outputs}
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DeployedModelRejectedError(f"{signature} answered {str(body)[:200]}") from error
    for name, bounds in outputs.items():
        # NaN compares false, infinity lies outside
        if not bounds.min <= values[name] <= bounds.max:
            raise DeployedModelRejectedError(
                f"{signature} answered {name}={values[name]}, outside {bounds.min:g}..{bounds.max:g}"
            )
    return values


def check_close(
    what: str, found: Mapping[str, float], expected: Mapping[str, float], tolerance: float
) -> None:
    """
    Compare a prediction with that of the offline evaluation.

    :param what: names the prediction, for the message.
    :param found: values of the prediction, by output.
    :param expected: values of the offline evaluation, by output.
    :param tolerance: largest absolute difference.
    :raises DeployedModelRejectedError: a value differs by more.
    """
    for output, value in expected.items():
        if not math.isclose(found[output], value, rel_tol=0, abs_tol=tolerance):
            raise DeployedModelRejectedError(
                f"{what} is {output}={found[output]:.6g}, the offline evaluation has {value:.6g}"
                f" (tolerance {tolerance:g})"
            )
