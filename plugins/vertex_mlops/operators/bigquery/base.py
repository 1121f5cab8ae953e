"""Base of the operators that read a BigQuery table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.google.cloud.operators.cloud_base import GoogleCloudBaseOperator
from google.api_core.exceptions import NotFound

from vertex_mlops.exceptions import DataContractError
from vertex_mlops.links.bigquery import TableLink
from vertex_mlops.operators.bigquery.data_versions import DEFAULT_TIME_TRAVEL_HOURS
from vertex_mlops.operators.bigquery.trainable_tables import check_trainable
from vertex_mlops.runs.results import ResultsMixin

if TYPE_CHECKING:
    from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
    from google.cloud.bigquery import Table


class BigQueryTableBaseOperator(ResultsMixin, GoogleCloudBaseOperator):
    """
    Base class of the operators that read one BigQuery table.

    :param project_id: The ID of the Google Cloud project of the table (templated).
    :param dataset_id: The ID of the dataset (templated).
    :param table_id: The ID of the table (templated).
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    """

    operator_extra_links = (TableLink(),)

    def __init__(
        self,
        *,
        project_id: str,
        dataset_id: str,
        table_id: str,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.dataset_id = dataset_id
        self.table_id = table_id
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain

    @property
    def extra_links_params(self) -> dict[str, Any]:
        """Return the values that the link needs."""
        return {"project_id": self.project_id, "dataset_id": self.dataset_id, "table_id": self.table_id}

    @property
    def table(self) -> str:
        """Return ``project.dataset.table``."""
        return f"{self.project_id}.{self.dataset_id}.{self.table_id}"

    @cached_property
    def hook(self) -> BigQueryHook:
        """Return the BigQuery hook of the connection."""
        from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook

        return BigQueryHook(
            gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain, use_legacy_sql=False
        )

    def get_table(self) -> Table:
        """
        Call ``tables.get``, which scans no bytes, and check that the table can be trained on.

        :return: the table.
        """
        try:
            table = self.hook.get_client(project_id=self.project_id).get_table(self.table)
        except NotFound as error:
            raise DataContractError(f"{self.table}: no such table") from error
        check_trainable(table, self.table)
        return table

    def get_time_travel_hours(self) -> int:
        """
        Call ``datasets.get`` to read the time travel window.

        Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset (maxTimeTravelHours)

        :return: the window, in hours.
        """
        client = self.hook.get_client(project_id=self.project_id)
        dataset = client.get_dataset(f"{self.project_id}.{self.dataset_id}")
        return int(dataset.max_time_travel_hours or DEFAULT_TIME_TRAVEL_HOURS)


def now_ms() -> int:
    """Return the present, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
