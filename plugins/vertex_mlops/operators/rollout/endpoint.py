"""Operator that decides whether a newly deployed model keeps its traffic."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from google.api_core.exceptions import NotFound

from vertex_mlops.compiled_pipeline import read_pipeline_job
from vertex_mlops.contract import DEFAULT_SIGNATURE, RAW_SIGNATURE, DataContract
from vertex_mlops.deployed_models import describe_split, live_split
from vertex_mlops.exceptions import DeployedModelRejectedError, EndpointChangedError, SpecError
from vertex_mlops.links.vertex_ai import EndpointLink
from vertex_mlops.operators.deployment_base import EndpointBaseOperator
from vertex_mlops.pipeline_jobs import PipelineResult, resource_id
from vertex_mlops.prediction_metrics import FAST_SHARE, ServedRequests
from vertex_mlops.probe import Ask, Probe, check_close, read_prediction
from vertex_mlops.task_results import result_entry
from vertex_mlops.waiting import LOOK_SECONDS, QUICK_SECONDS, SHORTEST_BREAK

if TYPE_CHECKING:
    from airflow.sdk import Context

    from vertex_mlops.hooks.prediction_metrics import PredictionMetricsHook
    from vertex_mlops.hooks.prediction_service import RawPrediction, RawPredictionHook

REJECTED_KEY = "rejected"
# a model server that hangs is not waited for longer
_ANSWER_TIMEOUT = 20.0
_PROBE_SECONDS = 180.0


class Probed(NamedTuple):
    """
    What the task's own requests have shown; survives a wait without a worker slot.

    :param predictions: answers to the known instances.
    :param answered: how often the model answered.
    :param failed: how many requests it refused, as far as that can be told.
    :param outages: how many requests ended in an error that says nothing about it.
    :param latency_ms: milliseconds within which 95 % of the timed requests were answered, as seen from here.
    :param since: moment from which on the metrics are read, in ISO 8601.
    :param until: end of the last request, in ISO 8601.
    """

    predictions: list[dict[str, float]]
    answered: int
    failed: int
    outages: int
    latency_ms: float
    since: str
    until: str


class Verdict(NamedTuple):
    """
    What a model is judged by.

    :param requests: how many it answered, with whatever status.
    :param failed: how many of them failed.
    :param latency_ms: milliseconds within which 95 % were answered.
    :param decided_by: ``metrics`` of all callers, or the task's own ``probes``.
    """

    requests: int
    failed: int
    latency_ms: float
    decided_by: str


class VerifyDeployedModelOperator(EndpointBaseOperator):
    """
    Judge a deployed model by what it answers, and by Cloud Monitoring's metrics of its requests.

    The known instances that the pipeline was compiled with go to the endpoint through both signatures:
    ``predict`` reaches the default one of them, ``rawPredict`` the other by its name. A request cannot name
    the deployed model that it is for, so each is repeated until the model in question has answered; every
    answer must be finite, in range, and as far as ``tolerance`` from what the pipeline computed offline. Then
    the model must be fast and not fail. If others ask it too, the metrics of all callers decide, with the
    latency of type ``total``; if not, or if no metrics come in time, the task's own requests do.

    Points of metrics come minutes late, the descriptors of the metrics say how many. The task waits for them
    deferred, without a worker slot, and does not ask the model anew after that.

    It changes nothing. A model that is found wanting fails the task at once, with the reason in the XCom
    ``rejected``, and
    :class:`vertex_mlops.operators.undeployment.RollBackDeploymentOperator` behind it takes it back. Every
    other error, such as an outage or a token that cannot be had, says nothing about the model: the task is
    tried again.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/predictions/get-online-predictions and
        https://cloud.google.com/monitoring/api/metrics_gcp_a_b#gcp-aiplatform

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param endpoint: Resource name of the endpoint (templated).
    :param deployed_model_id: The ID of the deployed model to judge (templated).
    :param percent: Its share of the traffic (templated).
    :param since: Moment from which on the metrics are read, in ISO 8601 (templated). A later try reads them
        from its own beginning on.
    :param pipeline_result: What RunPipelineJobOnceOperator returned; it holds the offline answers, and its
        job the contract with the known instances (templated).
    :param tolerance: How far an answer may be from the offline one.
    :param max_latency_ms: Milliseconds within which 95 % of the requests must be answered.
    :param max_error_share: Share of the requests that may have failed.
    :param min_requests: Requests that the task times; the first one of each signature is not among them.
    :param wait_timeout: Seconds to wait for the metrics at most.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``predictions`` of the known instances, the ``requests``, ``failed``, ``latency_ms`` and
        ``decided_by`` of the verdict, and an empty ``rejected``.
    :raises DeployedModelRejectedError: the model was found wanting; the message says how.
    :raises EndpointChangedError: somebody has taken traffic from the model meanwhile; that is no verdict.
    :raises MissingResultError: a task before has left no result, or the pipeline no offline answers.
    :raises SpecError: the pipeline job is gone, carries no contract, or has not answered as many instances as
        its contract holds.
    """

    template_fields = (
        "project_id",
        "region",
        "endpoint",
        "deployed_model_id",
        "percent",
        "since",
        "pipeline_result",
        "gcp_conn_id",
        "impersonation_chain",
    )
    operator_extra_links = (EndpointLink(),)

    def __init__(
        self,
        *,
        endpoint: str,
        deployed_model_id: str,
        percent: int,
        since: str,
        pipeline_result: PipelineResult,
        tolerance: float = 1e-3,
        max_latency_ms: float = 1000,
        max_error_share: float = 0.02,
        min_requests: int = 20,
        wait_timeout: float = 1800,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.deployed_model_id = deployed_model_id
        self.percent = percent
        self.since = since
        self.pipeline_result = pipeline_result
        self.tolerance = tolerance
        self.max_latency_ms = max_latency_ms
        self.max_error_share = max_error_share
        self.min_requests = min_requests
        self.wait_timeout = wait_timeout

    @property
    def _connection(self) -> dict[str, Any]:
        return {"gcp_conn_id": self.gcp_conn_id, "impersonation_chain": self.impersonation_chain}

    @cached_property
    def _raw(self) -> RawPredictionHook:
        from vertex_mlops.hooks.prediction_service import RawPredictionHook

        return RawPredictionHook(**self._connection)

    @cached_property
    def _predictions(self) -> Any:
        from airflow.providers.google.cloud.hooks.vertex_ai.prediction_service import PredictionServiceHook

        return PredictionServiceHook(**self._connection).get_prediction_service_client(self.region)

    @cached_property
    def _metrics(self) -> PredictionMetricsHook:
        from vertex_mlops.hooks.prediction_metrics import PredictionMetricsHook

        return PredictionMetricsHook(**self._connection)

    def execute(self, context: Context) -> dict[str, Any]:
        EndpointLink.persist(context=context, endpoint_id=resource_id(self.endpoint))
        job = read_pipeline_job(self.pipeline_result["name"], **self._connection)
        contract = DataContract.from_job(job)
        try:
            probed = self._probe(contract, self._since(context))
        except DeployedModelRejectedError as error:
            raise self._rejection(context, error) from error
        self.log.info("Deployed model %s answers %s", self.deployed_model_id, probed.predictions)
        delay = self._metrics.read_delay(project_id=self.project_id)
        seconds = min(sum(delay), self.wait_timeout)
        self.log.info(
            "Metrics are %g s apart and up to %g s late: waiting for them for %g s at most", *delay, seconds
        )
        deadline = datetime.fromisoformat(probed.until).timestamp() + seconds
        return self._judge(context, probed, deadline, delay.sample_period)

    def execute_complete(
        self, context: Context, event: Any, probed: dict[str, Any], deadline: float, sample_period: float
    ) -> dict[str, Any]:
        """
        Look at the metrics again after a wait.

        :param context: the task's context.
        :param event: the time that it is.
        :param probed: what the task's own requests have shown.
        :param deadline: when to wait no longer, in seconds since the epoch.
        :param sample_period: seconds between two points of the metrics.
        """
        return self._judge(context, Probed(**probed), deadline, sample_period)

    def _since(self, context: Context) -> str:
        # the requests of an earlier try, and the outages that it met, are no other caller's
        return self.since if context["ti"].try_number <= 1 else datetime.now(UTC).isoformat()

    def _probe(self, contract: DataContract, since: str) -> Probed:
        probe = Probe(self.deployed_model_id, self.percent, _PROBE_SECONDS)
        asks = self._asks(contract)
        expected = self._expected(contract)
        predictions: dict[str, list[dict[str, float]]] = {}
        for signature, requests in asks.items():
            for number, ask in enumerate(requests):
                # each signature has a connection of its own, which its first request opens
                body = probe.ask(ask, timed=number > 0)
                prediction = read_prediction(signature, body, contract.outputs)
                what = f"the answer of {signature} to known instance {number + 1}"
                check_close(what, prediction, expected[number], self.tolerance)
                predictions.setdefault(signature, []).append(prediction)
        probe.fill_up([ask for requests in asks.values() for ask in requests], self.min_requests)
        fast = sorted(probe.milliseconds)[: math.ceil(FAST_SHARE * len(probe.milliseconds))]
        return Probed(
            predictions=predictions[RAW_SIGNATURE if RAW_SIGNATURE in predictions else DEFAULT_SIGNATURE],
            answered=probe.answered,
            failed=probe.failed,
            outages=probe.outages,
            latency_ms=fast[-1],
            since=since,
            until=datetime.now(UTC).isoformat(),
        )

    def _expected(self, contract: DataContract) -> list[dict[str, float]]:
        answers: list[dict[str, float]] = result_entry(self.pipeline_result, "known_answers")
        known = len(contract.instances[RAW_SIGNATURE])
        if len(answers) != known:
            raise SpecError(
                f"{self.pipeline_result['name']} has {len(answers)} known_answers, and its data contract"
                f" {known} known instances: compile the pipeline with the code of its image, and train again"
            )
        return answers

    def _asks(self, contract: DataContract) -> dict[str, list[Ask]]:
        instances = contract.instances
        (named,) = instances.keys() - {contract.default_signature}
        return {
            named: [partial(self._raw_predict, named, instance) for instance in instances[named]],
            DEFAULT_SIGNATURE: [
                partial(self._predict, instance) for instance in instances[contract.default_signature]
            ],
        }

    def _raw_predict(self, signature: str, instance: dict[str, Any]) -> RawPrediction:
        return self._raw.raw_predict(
            project_id=self.project_id,
            region=self.region,
            endpoint_id=resource_id(self.endpoint),
            body={"instances": [instance], "signature_name": signature},
            timeout=_ANSWER_TIMEOUT,
        )

    def _predict(self, instance: dict[str, Any]) -> RawPrediction:
        from vertex_mlops.hooks.prediction_service import RawPrediction

        # the hook's own predict() hands over a request that proto-plus cannot read
        instances: list[Any] = [instance]
        response = self._predictions.predict(
            endpoint=self.endpoint, instances=instances, retry=None, timeout=_ANSWER_TIMEOUT
        )
        # not through protobuf's JSON, which refuses NaN
        return RawPrediction(response.deployed_model_id, {"predictions": list(response.predictions)})

    def _judge(
        self, context: Context, probed: Probed, deadline: float, sample_period: float
    ) -> dict[str, Any]:
        until = datetime.fromisoformat(probed.until)
        while True:
            served = self._metrics.read_served(
                deployed_model_id=self.deployed_model_id,
                since=datetime.fromisoformat(probed.since),
                project_id=self.project_id,
            )
            remaining = deadline - time.time()
            if (served.until and served.until >= until) or remaining <= 0:
                break
            self._rest(remaining, probed, deadline, sample_period)
        self.log.info("The metrics show %s", served)
        verdict = _verdict(probed, served)
        self.log.info("Judging by %s", verdict)
        try:
            self._check(verdict)
        except DeployedModelRejectedError as error:
            raise self._rejection(context, error) from error
        return {"predictions": probed.predictions, **verdict._asdict(), REJECTED_KEY: ""}

    def _rest(self, remaining: float, probed: Probed, deadline: float, sample_period: float) -> None:
        if remaining <= QUICK_SECONDS:
            time.sleep(min(remaining, LOOK_SECONDS))
            return
        # a reschedule would clear the XComs; a deferral keeps what it is given
        pause = min(max(sample_period, SHORTEST_BREAK), remaining)
        self.defer(
            trigger=TimeDeltaTrigger(timedelta(seconds=pause)),
            method_name="execute_complete",
            kwargs={"probed": probed._asdict(), "deadline": deadline, "sample_period": sample_period},
        )

    def _check(self, verdict: Verdict) -> None:
        whose = f"by the {verdict.decided_by}"
        if verdict.failed > self.max_error_share * verdict.requests:
            raise DeployedModelRejectedError(
                f"{verdict.failed} of {verdict.requests} requests failed {whose},"
                f" more than {self.max_error_share:.1%}"
            )
        if verdict.latency_ms > self.max_latency_ms:
            raise DeployedModelRejectedError(
                f"{FAST_SHARE:.0%} of {verdict.requests} requests took up to {verdict.latency_ms:.4g} ms"
                f" {whose}, more than {self.max_latency_ms:g} ms"
            )

    def _rejection(self, context: Context, error: DeployedModelRejectedError) -> DeployedModelRejectedError:
        cause = " ".join(str(error).split())
        self._check_traffic(cause)
        rejected = f"deployed model {self.deployed_model_id} of {self.endpoint}: {cause}"
        context["ti"].xcom_push(key=REJECTED_KEY, value=rejected)
        return DeployedModelRejectedError(rejected)

    def _check_traffic(self, cause: str) -> None:
        """Make sure that the model is silent of itself, and not because others answer for it."""
        try:
            endpoint = self.read_endpoint(self.endpoint)
        except NotFound as error:
            raise EndpointChangedError(f"{self.endpoint} is gone") from error
        split = live_split(endpoint)
        if split.get(self.deployed_model_id, 0) < self.percent:
            raise EndpointChangedError(
                f"traffic of {endpoint.name} is {describe_split(endpoint, split)}; expected {self.percent} %"
                f" with deployed model {self.deployed_model_id}: somebody else has changed it meanwhile, so"
                f" this is no verdict: {cause}"
            )


def _verdict(probed: Probed, served: ServedRequests) -> Verdict:
    """Let the metrics decide if they show more than the task's own requests."""
    own = probed.answered + probed.failed
    # the metrics may count an outage that the task has met: it is no sign of another caller
    if served.requests <= own + probed.outages:
        return Verdict(own, probed.failed, probed.latency_ms, "probes")
    # without latencies the task's own clock stands in
    latency = probed.latency_ms if served.latency_ms is None else served.latency_ms
    return Verdict(served.requests, served.failed, latency, "metrics")
