"""Operator that decides whether a newly deployed model keeps its traffic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.google.cloud.operators.cloud_base import GoogleCloudBaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    GoogleAPIError,
    RetryError,
    Unauthorized,
)
from google.api_core.retry import Retry

from vertex_mlops.contract import DEFAULT_SIGNATURE, DataContract, Range, read_data_contract
from vertex_mlops.exceptions import DeployedModelRejectedError
from vertex_mlops.hooks.prediction_service import RawPrediction, RawPredictionHook
from vertex_mlops.links.vertex_ai import EndpointLink
from vertex_mlops.pipeline_jobs import PipelineResult, resource_id
from vertex_mlops.retries import REQUEST_SECONDS, is_transient, patiently

if TYPE_CHECKING:
    from airflow.providers.google.cloud.hooks.vertex_ai.endpoint_service import EndpointServiceHook
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import Endpoint

# the two signatures compute the same numbers in float32
_TOLERANCE = 1e-4
# a model server that has just started may be refused, or silent, for a moment
_ANSWER_SECONDS = 20.0
_RETRY_SECONDS = 60.0
_UNDEPLOY_SECONDS = 600.0


class VerifyDeployedModelOperator(GoogleCloudBaseOperator):
    """
    Ask a newly deployed model for a known prediction, through both of its signatures.

    ``predict`` reaches the default one of them, ``rawPredict`` the other by its name.

    If it answers as it must, the models of the endpoint that have no traffic left are undeployed: each
    costs a replica. If it does not, all traffic goes back to the model deployed before it, and the
    rejected one is undeployed, so that no later rejection can send traffic to it. A retry comes to the same
    end: a model that has lost its traffic already is rejected again, and the traffic stays where it is.

    A model that gives no answer, because of an outage or because it hangs, is rejected by the task's last
    try only: give it retries.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/predictions/get-online-predictions

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param pipeline_result: What RunPipelineJobOnceOperator returned (templated).
    :param template_path: ``gs://`` URI of the compiled pipeline file; its contract holds the known
        instance (templated).
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``endpoint``, ``deployed_model_id``, ``model``, ``prediction`` and the ids ``undeployed``.
    :raises AirflowSkipException: the pipeline pushed nothing, because the model was not blessed.
    :raises DeployedModelRejectedError: the model was found wanting, and where the traffic went.
    """

    template_fields = (
        "project_id",
        "region",
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
        pipeline_result: PipelineResult,
        template_path: str,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.region = region
        self.pipeline_result = pipeline_result
        self.template_path = template_path
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain

    @property
    def extra_links_params(self) -> dict[str, Any]:
        return {"region": self.region, "project_id": self.project_id}

    @cached_property
    def hook(self) -> EndpointServiceHook:
        from airflow.providers.google.cloud.hooks.vertex_ai.endpoint_service import EndpointServiceHook

        return EndpointServiceHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    def execute(self, context: Context) -> dict[str, Any]:
        endpoint_name, deployed_model_id = self._what_to_verify()
        endpoint_id = resource_id(endpoint_name)
        EndpointLink.persist(context=context, endpoint_id=endpoint_id)
        contract = read_data_contract(self.template_path, self.gcp_conn_id, self.impersonation_chain)
        try:
            answers = self._ask(endpoint_id, contract)
            prediction = check_answers(answers, deployed_model_id, contract.outputs)
        except (Forbidden, Unauthorized):
            # says something about this task's account, nothing about the model
            raise
        except (GoogleAPICallError, RetryError, ValueError) as error:
            if is_transient(error) and _has_tries_left(context):
                # an outage says nothing about the model either, unless it outlasts all tries
                raise
            cause = " ".join(str(error).split())
            reason = f"deployed model {deployed_model_id} of {endpoint_name}: {cause}"
            self.log.warning("Rejecting %s", reason)
            outcome = self._roll_back(endpoint_id, deployed_model_id)
            raise DeployedModelRejectedError(f"{reason}; {outcome}") from error
        self.log.info("Deployed model %s answers %s", deployed_model_id, prediction)
        return {
            "endpoint": endpoint_name,
            "deployed_model_id": deployed_model_id,
            "model": self.pipeline_result["model"],
            "prediction": prediction,
            "undeployed": self._undeploy_idle(endpoint_id, deployed_model_id),
        }

    def _what_to_verify(self) -> tuple[str, str]:
        result = self.pipeline_result
        if not result["model"]:
            verdict = "not blessed: " if result["blessed"] is False else ""
            raise AirflowSkipException(f"{verdict}nothing was pushed, the champion stays")
        if not result["endpoint"] or not result["deployed_model_id"]:
            raise DeployedModelRejectedError(f"{result['model']} is not deployed to any endpoint")
        return result["endpoint"], result["deployed_model_id"]

    def _ask(self, endpoint_id: str, contract: DataContract) -> dict[str, RawPrediction]:
        from airflow.providers.google.cloud.hooks.vertex_ai.prediction_service import PredictionServiceHook

        connection: dict[str, Any] = {
            "gcp_conn_id": self.gcp_conn_id,
            "impersonation_chain": self.impersonation_chain,
        }
        retry = patiently(_RETRY_SECONDS)
        (named,) = contract.instances.keys() - {contract.default_signature}
        raw = RawPredictionHook(**connection).raw_predict(
            project_id=self.project_id,
            region=self.region,
            endpoint_id=endpoint_id,
            body={"instances": [contract.instances[named]], "signature_name": named},
            retry=retry,
            timeout=_ANSWER_SECONDS,
        )
        # the hook's own predict() hands over a request that proto-plus cannot read
        client = PredictionServiceHook(**connection).get_prediction_service_client(self.region)
        instances: list[Any] = [contract.instances[contract.default_signature]]
        response = client.predict(
            endpoint=client.endpoint_path(self.project_id, self.region, endpoint_id),
            instances=instances,
            retry=retry,
            timeout=_ANSWER_SECONDS,
        )
        # not through protobuf's JSON, which refuses NaN
        body: dict[str, Any] = {"predictions": list(response.predictions)}
        return {named: raw, DEFAULT_SIGNATURE: RawPrediction(response.deployed_model_id, body)}

    def _get_endpoint(self, endpoint_id: str) -> Endpoint:
        return self.hook.get_endpoint(
            project_id=self.project_id,
            region=self.region,
            endpoint=endpoint_id,
            retry=patiently(_RETRY_SECONDS),
            timeout=REQUEST_SECONDS,
        )

    def _roll_back(self, endpoint_id: str, rejected_id: str) -> str:
        endpoint = self._get_endpoint(endpoint_id)
        traffic = endpoint.traffic_split
        others: list[Any] = [model for model in endpoint.deployed_models if model.id != rejected_id]
        if len(others) == len(endpoint.deployed_models):
            return "it is not deployed any more"
        if not others:
            return "there is no other model to send the traffic to"
        outcome = "it has no traffic"
        if traffic.get(rejected_id):
            previous = max(others, key=lambda model: (traffic.get(model.id, 0), model.create_time))
            self.hook.update_endpoint(
                project_id=self.project_id,
                region=self.region,
                endpoint_id=endpoint_id,
                endpoint={"traffic_split": {previous.id: 100}},
                update_mask={"paths": ["traffic_split"]},
                # the same split twice is the same
                retry=patiently(_RETRY_SECONDS),
                timeout=REQUEST_SECONDS,
            )
            outcome = f"all traffic went back to deployed model {previous.id}"
        return f"{outcome}; {self._undeploy_rejected(endpoint_id, rejected_id)}"

    def _undeploy_rejected(self, endpoint_id: str, rejected_id: str) -> str:
        try:
            self._undeploy(endpoint_id, rejected_id)
        except (GoogleAPIError, AirflowException, TimeoutError) as error:
            # the rejection is what must be told
            return f"undeploy it by hand: {' '.join(str(error).split())}"
        return "it was undeployed"

    def _undeploy_idle(self, endpoint_id: str, verified_id: str) -> list[str]:
        endpoint = self._get_endpoint(endpoint_id)
        idle = [
            model.id
            for model in endpoint.deployed_models
            if model.id != verified_id and not endpoint.traffic_split.get(model.id)
        ]
        for deployed_model_id in idle:
            self._undeploy(endpoint_id, deployed_model_id)
        return idle

    def _undeploy(self, endpoint_id: str, deployed_model_id: str) -> None:
        self.log.info("Undeploying model %s, which has no traffic", deployed_model_id)
        operation = self.hook.undeploy_model(
            project_id=self.project_id,
            region=self.region,
            endpoint=endpoint_id,
            deployed_model_id=deployed_model_id,
            retry=Retry(timeout=_RETRY_SECONDS),
            timeout=REQUEST_SECONDS,
        )
        self.hook.wait_for_operation(operation=operation, timeout=_UNDEPLOY_SECONDS)


def _has_tries_left(context: Context) -> bool:
    ti = context["ti"]
    return ti.try_number <= ti.max_tries


def check_answers(
    answers: Mapping[str, RawPrediction], deployed_model_id: str, outputs: Mapping[str, Range]
) -> dict[str, float]:
    """
    Return the prediction that all signatures agree on.

    :param answers: by the name of the signature.
    :param deployed_model_id: id of the model that must have answered.
    :param outputs: what each answer must hold.
    :raises ValueError: another model answered, or an answer is malformed, out of range or differs.
    """
    predictions = {}
    for signature, answer in answers.items():
        if answer.deployed_model_id != deployed_model_id:
            raise ValueError(f"{signature} was answered by deployed model {answer.deployed_model_id!r}")
        predictions[signature] = _read_prediction(signature, answer.body, outputs)
    (first_name, first), *others = predictions.items()
    for signature, other in others:
        for output, value in other.items():
            if not math.isclose(value, first[output], abs_tol=_TOLERANCE):
                raise ValueError(f"{output} is {first[output]} by {first_name} but {value} by {signature}")
    return first


def _read_prediction(signature: str, body: dict[str, Any], outputs: Mapping[str, Range]) -> dict[str, float]:
    try:
        (prediction,) = body["predictions"]
        values = {name: float(prediction[name][0]) for name in outputs}
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"{signature} answered {str(body)[:200]}") from error
    for name, bounds in outputs.items():
        # NaN compares false, infinity lies outside
        if not bounds.min <= values[name] <= bounds.max:
            raise ValueError(
                f"{signature} answered {name}={values[name]}, outside {bounds.min:g}..{bounds.max:g}"
            )
    return values
