"""Operator that decides whether a newly deployed model keeps its traffic."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from google.api_core.exceptions import NotFound

from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.contract.names import DEFAULT_SIGNATURE, RAW_SIGNATURE
from vertex_mlops.exceptions import DeployedModelRejectedError, EndpointChangedError, SpecError
from vertex_mlops.links.vertex_ai import EndpointLink
from vertex_mlops.operators.rollout.base import EndpointBaseOperator
from vertex_mlops.rollout.deployed_models import describe_split, live_split
from vertex_mlops.rollout.prediction_metrics import FAST_SHARE, ServedRequests
from vertex_mlops.rollout.probe import Probe, SendRequest, check_close, read_prediction
from vertex_mlops.rollout.settings import RolloutSettings
from vertex_mlops.runs.compiled_pipeline import part_of_job, read_pipeline_job
from vertex_mlops.runs.pipeline_jobs import resource_id
from vertex_mlops.runs.pipeline_results import PipelineResult
from vertex_mlops.runs.results import result_entry
from vertex_mlops.waiting.reschedule import LOOK_SECONDS, MIN_RESCHEDULE_SECONDS, QUICK_SECONDS

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
    Results of the task's own requests; kept while the task is deferred.

    :param predictions: answers to the known instances.
    :param answered: number of responses of the model.
    :param failed: number of requests that it rejected, if known.
    :param outages: number of requests that failed for other reasons.
    :param latency_ms: milliseconds within which 95 % of the timed requests were answered, as seen here.
    :param since: time from which the metrics are read, in ISO 8601.
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
    Figures that decide about a model.

    :param requests: number of requests that it answered, with any status.
    :param failed: number of those that failed.
    :param latency_ms: milliseconds within which 95 % were answered.
    :param decided_by: ``metrics`` of all callers, or the task's own ``probes``.
    """

    requests: int
    failed: int
    latency_ms: float
    decided_by: str


class VerifyDeployedModelOperator(EndpointBaseOperator):
    """
    Verify a deployed model by its answers, and by Cloud Monitoring's metrics of its requests.

    The task sends the known instances of the compiled pipeline to the endpoint through both signatures:
    ``predict`` calls the default one, ``rawPredict`` the other by its name. A request cannot select
    a deployed model, so each is repeated until the model in question has answered. Every
    answer must be finite, in range, and within ``tolerance`` of the pipeline's offline result. Then the
    latency and the share of errors are checked. If the model has other callers, the metrics of all callers
    decide, with the latency of type ``total``; if not, or if no metrics arrive in time, the task's own
    requests do.

    Points of metrics arrive minutes late, as the descriptors of the metrics state. The task waits for them
    deferred, without a worker slot, and does not call the model again after that.

    It changes nothing. A model that is rejected fails the task without retries, with the reason in the XCom
    ``rejected``, and
    :class:`vertex_mlops.operators.rollout.undeployment.RollBackDeploymentOperator` downstream rolls it back.
    Other errors, such as an outage or a missing token, are no verdict on the model: the task is retried.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/predictions/get-online-predictions and
        https://cloud.google.com/monitoring/api/metrics_gcp_a_b#gcp-aiplatform

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param endpoint: Resource name of the endpoint (templated).
    :param deployed_model_id: The ID of the deployed model to judge (templated).
    :param percent: Its share of the traffic (templated).
    :param since: Time from which the metrics are read, in ISO 8601 (templated). A later try reads them
        from its own start.
    :param pipeline_result: Result of RunPipelineJobOnceOperator; it contains the offline answers, and its
        job the contract with the known instances (templated).
    :param settings: Limits of the answers, the latency and the errors, and the number of timed requests, not
        counting the first one of each signature. The defaults of RolloutSettings if not set.
    :param wait_timeout: Seconds to wait for the metrics at most.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``predictions`` of the known instances, the ``requests``, ``failed``, ``latency_ms`` and
        ``decided_by`` of the verdict, and an empty ``rejected``.
    :raises DeployedModelRejectedError: the model was rejected; the message holds the reason.
    :raises EndpointChangedError: somebody else has reduced the model's traffic, so there is no verdict.
    :raises MissingResultError: an upstream task has no result, or the pipeline no offline answers.
    :raises SpecError: the pipeline job is gone, contains no contract, or has not answered as many instances
        as its contract has.
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
        settings: RolloutSettings | None = None,
        wait_timeout: float = 1800,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.deployed_model_id = deployed_model_id
        self.percent = percent
        self.since = since
        self.pipeline_result = pipeline_result
        self.settings = settings or RolloutSettings()
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
        contract = part_of_job(DataContract, job)
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
        Read the metrics again after a trigger has fired.

        :param context: the task's context.
        :param event: the time that it is.
        :param probed: what the task's own requests have shown.
        :param deadline: when to wait no longer, in seconds since the epoch.
        :param sample_period: seconds between two points of the metrics.
        :return: what :meth:`execute` returns.
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
            for number, send in enumerate(requests):
                # each signature has a connection of its own, which its first request opens
                body = probe.send_until_answered(send, timed=number > 0)
                prediction = read_prediction(signature, body, contract.outputs)
                what = f"the answer of {signature} to known instance {number + 1}"
                check_close(what, prediction, expected[number], self.settings.tolerance)
                predictions.setdefault(signature, []).append(prediction)
        probe.send_until([ask for requests in asks.values() for ask in requests], self.settings.min_requests)
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

    def _asks(self, contract: DataContract) -> dict[str, list[SendRequest]]:
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
        pause = min(max(sample_period, MIN_RESCHEDULE_SECONDS), remaining)
        self.defer(
            trigger=TimeDeltaTrigger(timedelta(seconds=pause)),
            method_name="execute_complete",
            kwargs={"probed": probed._asdict(), "deadline": deadline, "sample_period": sample_period},
        )

    def _check(self, verdict: Verdict) -> None:
        whose = f"by the {verdict.decided_by}"
        if verdict.failed > self.settings.max_error_share * verdict.requests:
            raise DeployedModelRejectedError(
                f"{verdict.failed} of {verdict.requests} requests failed {whose},"
                f" more than {self.settings.max_error_share:.1%}"
            )
        if verdict.latency_ms > self.settings.max_latency_ms:
            raise DeployedModelRejectedError(
                f"{FAST_SHARE:.0%} of {verdict.requests} requests took up to {verdict.latency_ms:.4g} ms"
                f" {whose}, more than {self.settings.max_latency_ms:g} ms"
            )

    def _rejection(self, context: Context, error: DeployedModelRejectedError) -> DeployedModelRejectedError:
        cause = " ".join(str(error).split())
        self._check_traffic(cause)
        rejected = f"deployed model {self.deployed_model_id} of {self.endpoint}: {cause}"
        context["ti"].xcom_push(key=REJECTED_KEY, value=rejected)
        return DeployedModelRejectedError(rejected)

    def _check_traffic(self, cause: str) -> None:
        """Check that the model gets no traffic because it fails, not because other models get it."""
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
    """Decide by the metrics if they show more than the requests of the task."""
    own = probed.answered + probed.failed
    # the metrics may count an outage that the task has met: it is no sign of another caller
    if served.requests <= own + probed.outages:
        return Verdict(own, probed.failed, probed.latency_ms, "probes")
    # without latencies the task's own clock stands in
    latency = probed.latency_ms if served.latency_ms is None else served.latency_ms
    return Verdict(served.requests, served.failed, latency, "metrics")
