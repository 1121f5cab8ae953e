"""Predictions from the models that are deployed to an endpoint."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from google.api import httpbody_pb2  # type: ignore[import-untyped]
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.protobuf import json_format

from localcloud.errors import too_large
from localcloud.vertex.api.calls import Handler, Reply
from localcloud.vertex.endpoints.replicas import Answer, Replicas
from localcloud.vertex.endpoints.request_log import Exchange, RequestLog
from localcloud.vertex.endpoints.traffic import choose
from localcloud.vertex.metrics.requests import AnsweredRequest, MetricRequests
from localcloud.vertex.resources.names import id_of
from localcloud.vertex.resources.store import ResourceStore

# 1.5 MB: https://cloud.google.com/sdk/gcloud/reference/ai/endpoints/predict
_LARGEST_REQUEST = 1536 * 1024


class PredictionService:
    """
    Serve Predict and RawPredict, which forward requests and responses of TensorFlow Serving.

    Source: https://cloud.google.com/vertex-ai/docs/predictions/get-online-predictions

    :param store: keeps the endpoints and the models.
    :param replicas: the model servers.
    :param requests: logs samples of requests and responses.
    :param measured: records the requests for metrics.
    """

    def __init__(
        self,
        store: ResourceStore,
        replicas: Replicas,
        requests: RequestLog,
        measured: MetricRequests,
    ) -> None:
        self._requests = requests
        self._measured = measured
        self._store = store
        self._replicas = replicas

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers of PredictionService."""
        return {
            "PredictionService.Predict": self._predict,
            "PredictionService.RawPredict": self._raw_predict,
        }

    def _predict(self, request: v1.PredictRequest) -> v1.PredictResponse:
        begun = time.monotonic()
        endpoint = self._store.get(request.endpoint, v1.Endpoint)
        deployed = choose(endpoint)
        asked = json_format.MessageToDict(v1.PredictRequest.pb(request))
        if not asked.get("instances"):
            raise exceptions.InvalidArgument("instances is required.")
        body = {key: asked[key] for key in ("instances", "parameters") if key in asked}
        data = _checked(json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode())
        answer = self._ask(endpoint, deployed, data, begun)
        response = v1.PredictResponse(
            deployed_model_id=deployed.id,
            model=deployed.model,
            model_version_id=deployed.model_version_id,
            # versions share the name of their model; reading the version takes longer than the prediction
            model_display_name=self._store.get(deployed.model, v1.Model).display_name,
        )
        json_format.ParseDict({"predictions": read_predictions(answer.data)}, v1.PredictResponse.pb(response))
        return response

    def _raw_predict(self, request: v1.RawPredictRequest) -> Reply:
        begun = time.monotonic()
        endpoint = self._store.get(request.endpoint, v1.Endpoint)
        deployed = choose(endpoint)
        answer = self._ask(endpoint, deployed, _checked(request.http_body.data), begun)
        return Reply(
            httpbody_pb2.HttpBody(content_type=answer.content_type, data=answer.data),
            {
                "X-Vertex-AI-Endpoint-Id": id_of(endpoint.name),
                "X-Vertex-AI-Deployed-Model-Id": deployed.id,
            },
        )

    def _ask(self, endpoint: v1.Endpoint, deployed: v1.DeployedModel, body: bytes, begun: float) -> Answer:
        asked = time.monotonic()
        response: bytes | None = None
        code = 500
        try:
            answer = self._replicas.predict(endpoint.name, deployed, body)
            response, code = answer.data, 200
            return answer
        except exceptions.GoogleAPICallError as error:
            code = int(error.code or code)
            raise
        finally:
            self._requests.add(Exchange(endpoint, deployed, body, response))
            self._measured.add(
                AnsweredRequest(
                    time.time(),
                    endpoint.name,
                    deployed.id,
                    endpoint.display_name,
                    deployed.display_name,
                    code,
                    _count(response),
                    (asked - begun) * 1000,
                    (time.monotonic() - asked) * 1000,
                )
            )


def _checked(data: bytes) -> bytes:
    if len(data) > _LARGEST_REQUEST:
        raise exceptions.InvalidArgument(too_large(_LARGEST_REQUEST).message)
    return data


def _count(response: bytes | None) -> int:
    """Return the number of predictions in an answer: each counts, not the request."""
    try:
        return len(json.loads(response or b"{}")["predictions"])
    except (ValueError, KeyError, TypeError):
        return 0


def read_predictions(data: bytes) -> Any:
    """
    Read the predictions of a model server's answer.

    :param data: JSON as TensorFlow Serving gives it.
    :raises google.api_core.exceptions.InternalServerError: it has none.
    :raises google.api_core.exceptions.InvalidArgument: it has one that JSON cannot represent, as after a NaN
        in the request.
    """
    try:
        return json.loads(data, parse_constant=_refuse_constant)["predictions"]
    except (ValueError, KeyError, TypeError) as error:
        raise exceptions.InternalServerError(
            "The model server's response contains no predictions."
        ) from error


def _refuse_constant(word: str) -> None:
    """Refuse NaN and Infinity, which a google.protobuf.Value cannot hold (google/protobuf/struct.proto)."""
    raise exceptions.InvalidArgument(
        f"The model server's response contains {word}, which is not a valid prediction."
    )
