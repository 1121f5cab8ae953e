"""Hook for the part of the Vertex AI Prediction API that the Google provider leaves out."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import requests
from airflow.providers.google.common.hooks.base_google import PROVIDE_PROJECT_ID, GoogleBaseHook
from google.api_core.exceptions import GatewayTimeout, ServiceUnavailable, from_http_response

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.auth.transport.requests import AuthorizedSession


class RawPrediction(NamedTuple):
    """
    Answer of a model server.

    :param deployed_model_id: id of the DeployedModel that answered.
    :param body: what it answered, parsed from JSON.
    """

    deployed_model_id: str
    body: dict[str, Any]


class RawPredictionHook(GoogleBaseHook):
    """
    Hook for the method ``rawPredict``, which passes the request to the model server as it is.

    It speaks REST, because only a response header tells which deployed model answered.

    :param gcp_conn_id: The connection ID to use connecting to Google Cloud.
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the requests.
    :param quota_project_id: The ID of the Google Cloud project that quota and cost of the calls count for;
        that of the credentials by default.
    """

    @cached_property
    def _session(self) -> AuthorizedSession:
        from google.auth.transport.requests import AuthorizedSession

        return AuthorizedSession(self.get_credentials())

    @GoogleBaseHook.fallback_to_default_project_id
    def raw_predict(
        self,
        region: str,
        endpoint_id: str,
        body: dict[str, Any],
        timeout: float,
        project_id: str = PROVIDE_PROJECT_ID,
        retry: Retry | None = None,
    ) -> RawPrediction:
        """
        Send a JSON body to the model server behind an endpoint.

        .. seealso::
            https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints/rawPredict

        :param region: Required. The ID of the Google Cloud region of the endpoint.
        :param endpoint_id: Required. The ID of the endpoint.
        :param body: Required. For TensorFlow Serving, ``instances`` and ``signature_name``.
        :param timeout: Required. Seconds to wait for one answer.
        :param project_id: The ID of the Google Cloud project of the endpoint.
        :param retry: Designation of what errors, if any, should be retried.
        :return: the answer, and the deployed model that gave it.
        :raises google.api_core.exceptions.GatewayTimeout: no answer came in time.
        :raises google.api_core.exceptions.ServiceUnavailable: there is no connection.
        :raises google.api_core.exceptions.GoogleAPICallError: the answer is no success.
        """
        endpoint = f"projects/{project_id}/locations/{region}/endpoints/{endpoint_id}"
        url = f"https://{region}-aiplatform.googleapis.com/v1/{endpoint}:rawPredict"

        def send() -> RawPrediction:
            # callers and retries know the errors of Google's clients, not those of requests
            try:
                response = self._session.post(url, json=body, timeout=timeout)
            except requests.Timeout as error:
                raise GatewayTimeout(f"no answer within {timeout:g} s") from error
            except requests.ConnectionError as error:
                raise ServiceUnavailable(str(error)) from error
            if not response.ok:
                raise from_http_response(response)
            return RawPrediction(response.headers.get("X-Vertex-AI-Deployed-Model-Id", ""), response.json())

        return retry(send)() if retry else send()
