"""The methods of ``datasets``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localcloud.bigquery.api.resources import check_etag, etag, matches, page, patched, writable
from localcloud.bigquery.errors import already_exists, failure
from localcloud.bigquery.store.catalog import Dataset, now_ms
from localcloud.bigquery.warehouse import Warehouse, required

_ID = re.compile(r"[A-Za-z0-9_]{1,1024}")
_MULTI_REGIONS = ("EU", "US")
_ALLOWED = {
    *("access", "defaultTableExpirationMs", "description", "friendlyName", "labels", "location"),
    "maxTimeTravelHours",
}
_TIME_TRAVEL_HOURS = range(48, 169, 24)
_OUTPUT_ONLY = {
    "creationTime",
    "datasetReference",
    "etag",
    "id",
    "kind",
    "lastModifiedTime",
    "selfLink",
    "type",
}


class Datasets:
    """
    Serves ``datasets``.

    Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets

    :param warehouse: where they are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._catalog = warehouse.catalog

    def insert(self, body: dict[str, Any]) -> dict[str, Any]:
        """
        Create a dataset.

        :raises ApiError: 409 when it exists.
        """
        dataset_id = required(body, "datasetReference", "datasetId")
        self._warehouse.check_project(body["datasetReference"].get("projectId"))
        if not _ID.fullmatch(dataset_id):
            raise failure("invalid", f'Invalid dataset ID "{dataset_id}".')
        if self._catalog.find_dataset(dataset_id):
            raise already_exists("Dataset", f"{self._catalog.project}:{dataset_id}")
        resource = writable(body, _ALLOWED, _OUTPUT_ONLY, "dataset")
        location = resource.get("location") or self._warehouse.settings.location
        _check_time_travel(resource)
        multi_region = location.upper() in _MULTI_REGIONS
        resource["location"] = location.upper() if multi_region else location.lower()
        now = now_ms()
        dataset = Dataset(dataset_id, now, now, resource)
        self._catalog.put_dataset(dataset)
        return self._describe(dataset)

    def get(self, dataset_id: str) -> dict[str, Any]:
        """
        Return a dataset.

        :raises ApiError: 404 when it does not exist.
        """
        return self._describe(self._catalog.dataset(dataset_id))

    def list(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the datasets that satisfy ``filter``, hidden ones only for ``all``."""
        hidden = query.get("all", "").lower() == "true"
        chosen = [
            dataset
            for dataset in self._catalog.datasets()
            if (hidden or not dataset.dataset_id.startswith("_"))
            and matches(dataset.resource.get("labels", {}), query.get("filter", ""))
        ]
        answer = page(chosen, query, 50, self._describe_item)
        return {
            "kind": "bigquery#datasetList",
            "etag": etag(*[dataset.dataset_id for dataset in chosen]),
            "datasets": answer.pop("items"),
            **answer,
        }

    def patch(self, dataset_id: str, body: dict[str, Any], if_match: str | None) -> dict[str, Any]:
        """
        Change what the body names.

        :raises ApiError: 412 when ``if_match`` is outdated.
        """
        dataset = self._catalog.dataset(dataset_id)
        return self._change(dataset, patched(dataset.resource, self._settable(dataset, body)), if_match)

    def update(self, dataset_id: str, body: dict[str, Any], if_match: str | None) -> dict[str, Any]:
        """Replace all that may be set; raises as :meth:`patch`."""
        dataset = self._catalog.dataset(dataset_id)
        settable = patched({"location": dataset.location}, self._settable(dataset, body))
        return self._change(dataset, settable, if_match)

    def _settable(self, dataset: Dataset, body: dict[str, Any]) -> dict[str, Any]:
        settable = writable(body, _ALLOWED, _OUTPUT_ONLY, "dataset")
        if settable.get("location", dataset.location).lower() != dataset.location.lower():
            raise failure("invalid", "Cannot change the location of a dataset")
        settable.pop("location", None)
        _check_time_travel(settable)
        return settable

    def _change(self, dataset: Dataset, resource: dict[str, Any], if_match: str | None) -> dict[str, Any]:
        check_etag(if_match, self._etag(dataset))
        changed = Dataset(dataset.dataset_id, dataset.created, max(now_ms(), dataset.modified + 1), resource)
        self._catalog.put_dataset(changed)
        return self._describe(changed)

    def delete(self, dataset_id: str, contents: bool) -> None:
        """
        Delete a dataset.

        :param contents: its tables too.
        :raises ApiError: 400 when it has tables and ``contents`` is false.
        """
        dataset = self._catalog.dataset(dataset_id)
        tables = self._catalog.tables(dataset.dataset_id)
        if tables and not contents:
            name = f"{self._catalog.project}:{dataset_id}"
            raise failure("resourceInUse", f"Dataset {name} is still in use")
        for table in tables:
            self._catalog.remove_table(table)
        self._catalog.remove_dataset(dataset_id)

    def _etag(self, dataset: Dataset) -> str:
        return etag("dataset", dataset.dataset_id, dataset.created, dataset.modified)

    def _describe_item(self, dataset: Dataset) -> dict[str, Any]:
        project = self._catalog.project
        described = {
            "kind": "bigquery#dataset",
            "id": f"{project}:{dataset.dataset_id}",
            "datasetReference": {"datasetId": dataset.dataset_id, "projectId": project},
            "location": dataset.location,
            "type": "DEFAULT",
        }
        shown = ("labels", "friendlyName")
        return described | {key: dataset.resource[key] for key in shown if key in dataset.resource}

    def _describe(self, dataset: Dataset) -> dict[str, Any]:
        project = self._catalog.project
        base = "https://bigquery.googleapis.com/bigquery/v2"
        return {
            **self._describe_item(dataset),
            "etag": self._etag(dataset),
            "selfLink": f"{base}/projects/{project}/datasets/{dataset.dataset_id}",
            "creationTime": str(dataset.created),
            "lastModifiedTime": str(dataset.modified),
            **dataset.resource,
            "maxTimeTravelHours": str(dataset.time_travel_hours),
        }


def _check_time_travel(resource: dict[str, Any]) -> None:
    """
    Refuse a window of time travel that no dataset can have.

    Source: https://cloud.google.com/bigquery/docs/time-travel and the docstring of google-cloud-bigquery's
    ``Dataset.max_time_travel_hours`` (multiples of 24).

    :raises ApiError: 400 that names the bounds.
    """
    hours = resource.get("maxTimeTravelHours")
    if hours is not None and (not str(hours).isdigit() or int(hours) not in _TIME_TRAVEL_HOURS):
        message = f"Invalid maxTimeTravelHours: {hours}. Must be a multiple of 24 from 48 to 168."
        raise failure("invalid", message)
