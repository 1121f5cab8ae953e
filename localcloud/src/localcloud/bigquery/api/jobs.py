"""The methods of ``jobs``. A job is done when its insertion returns."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.bigquery.api.resources import etag, page
from localcloud.bigquery.api.tabledata import TableData, timestamp_format
from localcloud.bigquery.errors import already_exists, failure, not_found
from localcloud.bigquery.jobs.copy import Copies
from localcloud.bigquery.jobs.deadline import LONGEST_SECONDS, time_limit
from localcloud.bigquery.jobs.extract import Extracts
from localcloud.bigquery.jobs.load import Loads
from localcloud.bigquery.jobs.query import Queries
from localcloud.bigquery.store.catalog import now_ms
from localcloud.bigquery.warehouse import Warehouse
from localcloud.errors import ApiError

log = logging.getLogger(__name__)
_ID = re.compile(r"[\w-]{1,1024}")
_USER = "localcloud@localhost"


class Jobs:
    """
    Serves ``jobs``.

    Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs

    :param warehouse: where the tables are.
    :param tabledata: what reads the results.
    """

    def __init__(self, warehouse: Warehouse, tabledata: TableData) -> None:
        self._warehouse = warehouse
        self._catalog = warehouse.catalog
        self._tabledata = tabledata
        self._queries = Queries(warehouse)
        self._loads = Loads(warehouse)
        self._extracts = Extracts(warehouse)
        self._copies = Copies(warehouse)
        self._requests: dict[str, str] = {}

    def insert(self, body: dict[str, Any], media: bytes | None = None) -> dict[str, Any]:
        """
        Run a job.

        :param body: the job's resource.
        :param media: the file that was uploaded with it.
        :return: the finished job; if it failed, ``status.errorResult`` says why.
        :raises ApiError: 409 for a job id in use; for a dry run whatever is wrong.
        """
        reference = body.get("jobReference") or {}
        self._warehouse.check_project(reference.get("projectId"))
        job_id = reference.get("jobId") or f"job_{uuid.uuid4().hex}"
        if not _ID.fullmatch(job_id):
            raise failure("invalid", f'Invalid job ID "{job_id}".')
        existing = self._catalog.find_job(job_id)
        if existing:
            name = f"{self._catalog.project}:{existing['jobReference']['location']}.{job_id}"
            raise already_exists("Job", name)
        config = body.get("configuration") or {}
        return self._run(job_id, reference.get("location"), config, media)

    def _run(
        self, job_id: str, location: str | None, config: dict[str, Any], media: bytes | None
    ) -> dict[str, Any]:
        kind, run = self._kind(config, media)
        seconds = _seconds(config.get("jobTimeoutMs"))
        started = now_ms()
        dry_run = bool(config.get("dryRun"))
        config["jobType"] = kind
        status: dict[str, Any] = {"state": "DONE"}
        statistics: dict[str, Any] = {}
        where = location or self._warehouse.settings.location
        try:
            with self._catalog.transaction():
                self._warehouse.sweep()
                with time_limit(self._catalog.connection, seconds):
                    statistics, where = run(location, dry_run)
        except ApiError as error:
            if dry_run:
                raise
            status |= _failed(error.reason, error.message)
        except Exception as error:
            # a failed job, not a 500: the clients repeat a 500 for ten minutes
            log.exception("job %s failed", job_id)
            status |= _failed("internalError", f"localcloud failed: {type(error).__name__}: {error}")
        times = {"creationTime": str(started), "startTime": str(started), "endTime": str(now_ms())}
        resource = self._describe(job_id, where, config, status, {**times, **statistics})
        if dry_run:
            resource["jobReference"].pop("jobId")
            return resource
        self._catalog.put_job(job_id, resource)
        return resource

    def _kind(
        self, config: dict[str, Any], media: bytes | None
    ) -> tuple[str, Callable[[str | None, bool], tuple[dict[str, Any], str]]]:
        if "query" in config:
            return "QUERY", lambda where, dry: self._queries.run(config["query"], where, dry)
        if config.get("dryRun"):
            raise failure("invalid", "Dry run is only supported for query jobs")
        if "load" in config:
            return "LOAD", lambda where, _: self._loads.run(config["load"], media, where)
        if "extract" in config:
            return "EXTRACT", lambda where, _: self._extracts.run(config["extract"], where)
        if "copy" in config:
            return "COPY", lambda where, _: self._copies.run(config["copy"], where)
        raise failure("required", "Required parameter is missing: configuration.query, load, extract or copy")

    def _describe(
        self,
        job_id: str,
        location: str,
        config: dict[str, Any],
        status: dict[str, Any],
        statistics: dict[str, Any],
    ) -> dict[str, Any]:
        project = self._catalog.project
        base = f"https://bigquery.googleapis.com/bigquery/v2/projects/{project}"
        return {
            "kind": "bigquery#job",
            "etag": etag("job", job_id, statistics["endTime"]),
            "id": f"{project}:{location}.{job_id}",
            "selfLink": f"{base}/jobs/{job_id}?location={location}",
            "user_email": _USER,
            "configuration": config,
            "jobReference": {"projectId": project, "jobId": job_id, "location": location},
            "status": status,
            "statistics": statistics,
        }

    def get(self, job_id: str, location: str | None) -> dict[str, Any]:
        """
        Return a job.

        :param location: where it is looked for; anywhere if None.
        :raises ApiError: 404 when it is not there.
        """
        job = self._catalog.find_job(job_id)
        if job is None or (location and job["jobReference"]["location"].lower() != location.lower()):
            where = f"{location}." if location else ""
            raise not_found("Job", f"{self._catalog.project}:{where}{job_id}")
        return job

    def cancel(self, job_id: str, location: str | None) -> dict[str, Any]:
        """Answer a cancellation: the job has always ended before; raises as :meth:`get`."""
        return {"kind": "bigquery#jobCancelResponse", "job": self.get(job_id, location)}

    def delete(self, job_id: str, location: str | None) -> None:
        """Delete a job; raises as :meth:`get`."""
        self.get(job_id, location)
        self._catalog.remove_job(job_id)

    def list(self, query: Mapping[str, str], states: list[str]) -> dict[str, Any]:
        """
        Return the jobs, the newest first.

        :param states: ``stateFilter``; all states if empty.
        """
        oldest = int(query.get("minCreationTime") or 0)
        newest = int(query.get("maxCreationTime") or 2**63)
        wanted = {state.upper() for state in states}
        chosen = [
            job
            for job in self._catalog.jobs()
            if (not wanted or job["status"]["state"] in wanted)
            and oldest <= int(job["statistics"]["creationTime"]) <= newest
            and not query.get("parentJobId")
        ]
        answer = page(chosen, query, 1000, _list_item)
        return {"kind": "bigquery#jobList", "jobs": answer.pop("items"), **answer}

    # jobs.query and jobs.getQueryResults

    def query(self, body: dict[str, Any]) -> dict[str, Any]:
        """
        Run a query and give its first page.

        :raises ApiError: whatever is wrong with the query.
        """
        options = body.get("formatOptions") or {}
        page_query = {key: str(body[key]) for key in ("maxResults",) if body.get(key) is not None}
        page_query |= {f"formatOptions.{key}": str(value) for key, value in options.items()}
        earlier = self._requests.get(body.get("requestId") or "")
        if earlier:
            return self._results(self.get(earlier, None), page_query, "bigquery#queryResponse")
        config: dict[str, Any] = {"query": {key: body[key] for key in _QUERY_KEYS if key in body}}
        config |= {key: body[key] for key in ("dryRun", "labels") if key in body}
        reference = {"location": body["location"]} if body.get("location") else {}
        job = self.insert({"configuration": config, "jobReference": reference})
        if config.get("dryRun"):
            return self._dry_answer(job)
        if body.get("requestId"):
            self._requests[body["requestId"]] = job["jobReference"]["jobId"]
        return self._results(job, page_query, "bigquery#queryResponse")

    def _dry_answer(self, job: dict[str, Any]) -> dict[str, Any]:
        statistics = job["statistics"]["query"]
        answer = {
            "kind": "bigquery#queryResponse",
            "jobReference": job["jobReference"],
            "jobComplete": True,
            "totalBytesProcessed": statistics["totalBytesProcessed"],
            "cacheHit": False,
        }
        return answer | ({"schema": statistics["schema"]} if "schema" in statistics else {})

    def results(self, job_id: str, query: Mapping[str, str]) -> dict[str, Any]:
        """
        Return a page of a query's result.

        :raises ApiError: 404 without such a job; the job's own error if it failed.
        """
        job = self.get(job_id, query.get("location"))
        if "query" not in job["configuration"]:
            raise failure("invalid", f"Job {job['id']} is not a query job")
        return self._results(job, query, "bigquery#getQueryResultsResponse")

    def _results(self, job: dict[str, Any], query: Mapping[str, str], kind: str) -> dict[str, Any]:
        error = job["status"].get("errorResult")
        if error:
            raise failure(error["reason"], error["message"])
        statistics = job["statistics"]["query"]
        answer = {
            "kind": kind,
            "etag": job["etag"],
            "jobReference": job["jobReference"],
            "jobComplete": True,
            "totalBytesProcessed": statistics["totalBytesProcessed"],
            "cacheHit": False,
        }
        if "numDmlAffectedRows" in statistics:
            answer["numDmlAffectedRows"] = statistics["numDmlAffectedRows"]
        if statistics["statementType"] != "SELECT":
            return answer | {"schema": {"fields": []}}
        target = job["configuration"]["query"]["destinationTable"]
        table = self._catalog.table(target["datasetId"], target["tableId"])
        return answer | {
            "schema": {"fields": table.current.fields},
            **self._tabledata.page(table, query, timestamp_format(query)),
        }


_QUERY_KEYS = (
    *("connectionProperties", "createSession", "defaultDataset", "destinationEncryptionConfiguration"),
    *("maximumBytesBilled", "parameterMode", "query", "queryParameters", "useLegacySql", "useQueryCache"),
)


def _seconds(job_timeout_ms: str | int | None) -> float:
    # Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfiguration
    given = int(job_timeout_ms or 0) / 1000
    return min(given, LONGEST_SECONDS) if given > 0 else LONGEST_SECONDS


def _failed(reason: str, message: str) -> dict[str, Any]:
    error = {"reason": reason, "message": message}
    return {"errorResult": error, "errors": [error]}


def _list_item(job: dict[str, Any]) -> dict[str, Any]:
    item = {**job, "state": job["status"]["state"]}
    if "errorResult" in job["status"]:
        item["errorResult"] = job["status"]["errorResult"]
    return item
