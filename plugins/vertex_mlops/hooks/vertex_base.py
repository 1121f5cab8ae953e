"""Base of the hooks that use the GAPIC clients of Vertex AI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow.providers.google.common.consts import CLIENT_INFO
from airflow.providers.google.common.hooks.base_google import GoogleBaseHook
from google.api_core.gapic_v1.method import DEFAULT, _MethodDefault
from google.cloud.aiplatform_v1 import EndpointServiceClient, JobServiceClient

if TYPE_CHECKING:
    from google.api_core.client_options import ClientOptions
    from google.api_core.retry import Retry
    from google.longrunning.operations_pb2 import Operation as OperationStatus  # type: ignore[import-untyped]


class VertexBaseHook(GoogleBaseHook):
    """
    Clients of a region of Vertex AI, and its long-running operations.

    :param gcp_conn_id: The connection ID to use connecting to Google Cloud.
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the requests.
    :param quota_project_id: The ID of the Google Cloud project that quota and cost of the calls count for;
        that of the credentials by default.
    """

    def get_job_service_client(self, region: str) -> JobServiceClient:
        """
        Return JobServiceClient object.

        :param region: The ID of the Google Cloud region that the service belongs to.
        """
        return JobServiceClient(
            credentials=self.get_credentials(), client_info=CLIENT_INFO, client_options=self._options(region)
        )

    def get_endpoint_service_client(self, region: str) -> EndpointServiceClient:
        """
        Return EndpointServiceClient object.

        :param region: The ID of the Google Cloud region that the service belongs to.
        """
        return EndpointServiceClient(
            credentials=self.get_credentials(), client_info=CLIENT_INFO, client_options=self._options(region)
        )

    def get_operation(
        self,
        region: str,
        name: str,
        retry: Retry | _MethodDefault = DEFAULT,
        timeout: float | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> OperationStatus:
        """
        Get a long-running operation as it is now.

        :param region: Required. The ID of the Google Cloud region that the service belongs to.
        :param name: Required. Resource name of the operation.
        :param retry: Designation of what errors, if any, should be retried.
        :param timeout: The timeout for this request, in seconds.
        :param metadata: Strings which should be sent along with the request as metadata.
        :return: the operation.
        """
        return self.get_job_service_client(region).get_operation(
            {"name": name}, retry=retry, timeout=timeout, metadata=metadata
        )

    def _options(self, region: str) -> ClientOptions:
        regional = f"{region}-aiplatform.googleapis.com:443" if self.is_default_universe() else None
        return self.get_client_options(api_endpoint_override=regional)
