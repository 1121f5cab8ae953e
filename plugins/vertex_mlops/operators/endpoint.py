"""Operator that decides whether a newly deployed model keeps its traffic."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from airflow.providers.google.cloud.operators.cloud_base import GoogleCloudBaseOperator
from google.api_core.exceptions import NotFound

from vertex_mlops.contract import DEFAULT_SIGNATURE, RAW_SIGNATURE, DataContract, read_data_contract
from vertex_mlops.exceptions import DeployedModelRejectedError, RequestLogMissingError
from vertex_mlops.hooks.prediction_service import RawPrediction, RawPredictionHook
from vertex_mlops.links.vertex_ai import EndpointLink
from vertex_mlops.pipeline_jobs import PipelineResult, resource_id
from vertex_mlops.probe import Ask, Probe, check_close, read_prediction
from vertex_mlops.request_log import LoggedRequests, log_table, read_log
from vertex_mlops.retries import PATIENCE_SECONDS, REQUEST_SECONDS, patiently
from vertex_mlops.waiting import look_again

if TYPE_CHECKING:
    from airflow.sdk import Context

# a model server that hangs is not waited for longer
_ANSWER_TIMEOUT = 20.0
_PROBE_SECONDS = 180.0
# the log is written behind the answers; for a moment that is not worth giving the slot back
_LOG_SECONDS = 10.0
_LOG_LOOK_SECONDS = 1.0
# share of the requests that may take longer than max_latency_ms
_SLOW_SHARE = 0.05


class VerifyDeployedModelOperator(GoogleCloudBaseOperator):
    """
    Judge a deployed model by what it answers, and by the endpoint's own log.

    The known instances of the compiled pipeline go to the endpoint through both signatures: ``predict``
    reaches the default one of them, ``rawPredict`` the other by its name. A request cannot name the deployed
    model that it is for, so each is repeated until the model in question has answered; every answer must be
    finite, in range, and as far as ``tolerance`` from what the pipeline computed offline. Then the log of
    requests and responses must show that the model, all callers counted, is fast and does not fail.

    It changes nothing. A model that is found wanting fails the task at once, and
    :class:`vertex_mlops.operators.undeployment.RollBackDeploymentOperator` behind it takes it back. An
    outage says nothing about the model: the task is tried again.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/predictions/get-online-predictions and
        https://cloud.google.com/vertex-ai/docs/predictions/online-prediction-logging

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param endpoint: Resource name of the endpoint (templated).
    :param deployed_model_id: The ID of the deployed model to judge (templated).
    :param percent: Its share of the traffic (templated).
    :param since: Moment from which on the log is read, in ISO 8601 (templated).
    :param pipeline_result: What RunPipelineJobOnceOperator returned; it holds the offline answers
        (templated).
    :param template_path: ``gs://`` URI of the compiled pipeline file; its contract holds the known
        instances (templated).
    :param tolerance: How far an answer may be from the offline one.
    :param max_latency_ms: Milliseconds within which 95 % of the logged requests must be answered.
    :param max_error_share: Share of the logged requests that may have failed.
    :param min_requests: Logged requests that are needed to judge; the task asks them itself.
    :param sampling_rate: Share of the requests that the endpoint logs, above 0 and at most 1.
    :param poll_interval: Seconds between two looks at the log.
    :param wait_timeout: Seconds to wait for it.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``predictions`` of the known instances, and the ``requests``, ``failed`` and ``slow`` of the log.
    :raises DeployedModelRejectedError: the model was found wanting; the message says how.
    :raises RequestLogMissingError: the log does not show enough requests in time.
    :raises SpecError: the compiled pipeline file is missing or carries no contract.
    """

    template_fields = (
        "project_id",
        "region",
        "endpoint",
        "deployed_model_id",
        "percent",
        "since",
        "pipeline_result",
        "template_path",
        "gcp_conn_id",
        "impersonation_chain",
    )
    operator_extra_links = (EndpointLink(),)

    def __init__(
        self,
        *,
        project_id: str,
        region: str,
        endpoint: str,
        deployed_model_id: str,
        percent: int,
        since: str,
        pipeline_result: PipelineResult,
        template_path: str,
        tolerance: float = 1e-3,
        max_latency_ms: float = 1000,
        max_error_share: float = 0.02,
        min_requests: int = 20,
        sampling_rate: float = 1.0,
        poll_interval: float = 60,
        wait_timeout: float = 1800,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.region = region
        self.endpoint = endpoint
        self.deployed_model_id = deployed_model_id
        self.percent = percent
        self.since = since
        self.pipeline_result = pipeline_result
        self.template_path = template_path
        self.tolerance = tolerance
        self.max_latency_ms = max_latency_ms
        self.max_error_share = max_error_share
        self.min_requests = min_requests
        self.sampling_rate = sampling_rate
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain

    @property
    def extra_links_params(self) -> dict[str, Any]:
        return {"region": self.region, "project_id": self.project_id}

    @property
    def _connection(self) -> dict[str, Any]:
        return {"gcp_conn_id": self.gcp_conn_id, "impersonation_chain": self.impersonation_chain}

    @cached_property
    def _raw(self) -> RawPredictionHook:
        return RawPredictionHook(**self._connection)

    @cached_property
    def _predictions(self) -> Any:
        from airflow.providers.google.cloud.hooks.vertex_ai.prediction_service import PredictionServiceHook

        return PredictionServiceHook(**self._connection).get_prediction_service_client(self.region)

    def execute(self, context: Context) -> dict[str, Any]:
        EndpointLink.persist(context=context, endpoint_id=resource_id(self.endpoint))
        contract = read_data_contract(self.template_path, self.gcp_conn_id, self.impersonation_chain)
        try:
            predictions = self._check_answers(contract)
            self.log.info("Deployed model %s answers %s", self.deployed_model_id, predictions)
            logged = self._check_log(context)
        except ValueError as error:
            cause = " ".join(str(error).split())
            raise DeployedModelRejectedError(
                f"deployed model {self.deployed_model_id} of {self.endpoint}: {cause}"
            ) from error
        self.log.info("The log shows %s", logged)
        return {"predictions": predictions, **logged._asdict()}

    def _check_answers(self, contract: DataContract) -> list[dict[str, float]]:
        probe = Probe(self.deployed_model_id, self.percent, _PROBE_SECONDS)
        asks = self._asks(contract)
        expected = self.pipeline_result["known_answers"]
        predictions: dict[str, list[dict[str, float]]] = {}
        for signature, requests in asks.items():
            for number, ask in enumerate(requests):
                prediction = read_prediction(signature, probe.ask(ask), contract.outputs)
                what = f"the answer of {signature} to known instance {number + 1}"
                check_close(what, prediction, expected[number], self.tolerance)
                predictions.setdefault(signature, []).append(prediction)
        # what is not sampled is not seen in the log
        needed = round(self.min_requests / self.sampling_rate * 1.5) if self.sampling_rate < 1 else None
        probe.fill_up([ask for requests in asks.values() for ask in requests], needed or self.min_requests)
        return predictions[RAW_SIGNATURE if RAW_SIGNATURE in predictions else DEFAULT_SIGNATURE]

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
        # the hook's own predict() hands over a request that proto-plus cannot read
        instances: list[Any] = [instance]
        response = self._predictions.predict(
            endpoint=self.endpoint, instances=instances, retry=None, timeout=_ANSWER_TIMEOUT
        )
        # not through protobuf's JSON, which refuses NaN
        return RawPrediction(response.deployed_model_id, {"predictions": list(response.predictions)})

    def _check_log(self, context: Context) -> LoggedRequests:
        logged = self._read_log()
        if logged.requests < self.min_requests:
            problem = RequestLogMissingError(
                f"the log shows {logged.requests} requests of deployed model {self.deployed_model_id} since"
                f" {self.since}, and {self.min_requests} are needed"
            )
            self.log.info("Looking again later: %s", problem)
            look_again(context, problem, self.poll_interval, self.wait_timeout)
        if logged.failed > self.max_error_share * logged.requests:
            raise ValueError(
                f"{logged.failed} of {logged.requests} logged requests failed,"
                f" more than {self.max_error_share:.1%}"
            )
        if logged.slow > _SLOW_SHARE * logged.requests:
            raise ValueError(
                f"{logged.slow} of {logged.requests} logged requests took longer than"
                f" {self.max_latency_ms:g} ms, more than {_SLOW_SHARE:.0%}"
            )
        return logged

    def _read_log(self) -> LoggedRequests:
        from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
        from airflow.providers.google.cloud.hooks.vertex_ai.endpoint_service import EndpointServiceHook

        endpoint = EndpointServiceHook(**self._connection).get_endpoint(
            project_id=self.project_id,
            region=self.region,
            endpoint=resource_id(self.endpoint),
            retry=patiently(PATIENCE_SECONDS),
            timeout=REQUEST_SECONDS,
        )
        client = BigQueryHook(**self._connection, use_legacy_sql=False).get_client(project_id=self.project_id)
        since = datetime.fromisoformat(self.since)
        deadline = time.monotonic() + _LOG_SECONDS
        while True:
            try:
                logged = read_log(
                    client, log_table(endpoint), self.deployed_model_id, since, self.max_latency_ms
                )
            except NotFound:
                # made by the first request
                logged = LoggedRequests(0, 0, 0)
            if logged.requests >= self.min_requests or time.monotonic() > deadline:
                return logged
            time.sleep(_LOG_LOOK_SECONDS)
