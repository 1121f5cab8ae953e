"""Base of the operators of Vertex AI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.google.cloud.operators.cloud_base import GoogleCloudBaseOperator

from vertex_mlops.runs.results import ResultsMixin


class VertexBaseOperator(ResultsMixin, GoogleCloudBaseOperator):
    """
    Base class of the operators that act on Vertex AI.

    It does not derive from the provider's operators of the same services: their modules import all types of
    Vertex AI, which would slow down each parse of a DAG file, and their ``execute`` would be replaced anyway.

    :param project_id: The ID of the Google Cloud project that the service belongs to (templated).
    :param region: The ID of the Google Cloud region that the service belongs to (templated).
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    """

    def __init__(
        self,
        *,
        project_id: str,
        region: str,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.region = region
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain

    @property
    def extra_links_params(self) -> dict[str, Any]:
        return {"region": self.region, "project_id": self.project_id}
