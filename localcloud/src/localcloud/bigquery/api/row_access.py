"""The methods of ``rowAccessPolicies``, as far as they have a meaning without user accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from localcloud.bigquery.api.resources import etag
from localcloud.bigquery.errors import already_exists, failure, not_found, unsupported
from localcloud.bigquery.store.catalog import Table
from localcloud.bigquery.warehouse import Warehouse, required


class RowAccessPolicies:
    """
    Serves ``rowAccessPolicies``: those that show every row, since there is only one user.

    What they change is time travel: see :func:`forbid_time_travel`.

    Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/rowAccessPolicies

    :param warehouse: where the tables are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._catalog = warehouse.catalog

    def insert(self, dataset_id: str, table_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """
        Create a policy.

        :raises ApiError: 404 without its table, 409 when it exists, 501 for a filter other than TRUE.
        """
        table = self._catalog.table(dataset_id, table_id)
        policy_id = required(body, "rowAccessPolicyReference", "policyId")
        predicate = required(body, "filterPredicate")
        if table.kind != "TABLE":
            raise failure("invalid", f"Row access policies are not supported on a {table.kind}")
        if policy_id in self._catalog.policies(table.uid):
            raise already_exists("Row access policy", self._name(table, policy_id))
        if predicate.strip().upper() != "TRUE":
            raise unsupported(f"the filterPredicate {predicate} of a row access policy; only TRUE")
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        resource = {
            "etag": etag("policy", table.uid, policy_id, now),
            "rowAccessPolicyReference": {
                "projectId": self._catalog.project,
                "datasetId": table.dataset_id,
                "tableId": table.table_id,
                "policyId": policy_id,
            },
            "filterPredicate": predicate,
            "creationTime": now,
            "lastModifiedTime": now,
        }
        self._catalog.put_policy(table.uid, policy_id, resource)
        return resource

    def list(self, dataset_id: str, table_id: str) -> dict[str, Any]:
        """Return the policies of a table; raises 404 without it."""
        table = self._catalog.table(dataset_id, table_id)
        return {"rowAccessPolicies": list(self._catalog.policies(table.uid).values())}

    def delete(self, dataset_id: str, table_id: str, policy_id: str) -> None:
        """Delete a policy; raises 404 if there is none."""
        table = self._catalog.table(dataset_id, table_id)
        if policy_id not in self._catalog.policies(table.uid):
            raise not_found("Row access policy", self._name(table, policy_id))
        self._catalog.drop_policy(table.uid, policy_id)

    def _name(self, table: Table, policy_id: str) -> str:
        return f"{self._catalog.project}:{table.dataset_id}.{table.table_id}.{policy_id}"
