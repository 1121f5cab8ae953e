"""Jobs as resources, and many clients at once."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError, NotFound
from google.cloud import bigquery


def test_a_job_is_found_listed_cancelled_and_deleted(client: bigquery.Client) -> None:
    job_id = f"test-{uuid.uuid4().hex}"
    config = bigquery.QueryJobConfig(labels={"a": "b"})
    client.query("SELECT 1", job_id=job_id, job_config=config, job_retry=None).result()

    found = client.get_job(job_id)
    assert (found.state, found.labels, found.location) == ("DONE", {"a": "b"}, "EU")
    assert found.created <= found.started <= found.ended
    assert job_id in {job.job_id for job in client.list_jobs(max_results=20, state_filter="done")}
    assert list(client.list_jobs(state_filter="running")) == []
    assert client.cancel_job(job_id).state == "DONE"
    with pytest.raises(NotFound, match="Not found: Job"):
        client.get_job(job_id, location="US")
    client.delete_job_metadata(job_id, location="EU")
    with pytest.raises(NotFound, match=f"Not found: Job {client.project}:{job_id}"):
        client.get_job(job_id)


def test_a_job_id_is_used_once(client: bigquery.Client, wine_table: str) -> None:
    job_id = f"test-{uuid.uuid4().hex}"
    body = {
        "jobReference": {"projectId": client.project, "jobId": job_id},
        "configuration": {
            "query": {"query": f"DELETE FROM `{wine_table}` WHERE quality = 9", "useLegacySql": False}
        },
    }
    path = f"/projects/{client.project}/jobs"
    client._connection.api_request(method="POST", path=path, data=body)
    with pytest.raises(Conflict, match=f"Already Exists: Job {client.project}:EU.{job_id}"):
        client._connection.api_request(method="POST", path=path, data=body)
    assert client.get_job(job_id).num_dml_affected_rows == 5


def test_a_failed_job_keeps_its_error(client: bigquery.Client) -> None:
    job = client.query("SELECT nosuch FROM UNNEST([1]) AS x")
    with pytest.raises(BadRequest, match="Unrecognized name: nosuch"):
        job.result()
    error = client.get_job(job.job_id).error_result
    assert (error["reason"], error["message"]) == ("invalidQuery", "Unrecognized name: nosuch at [1:8]")


def test_a_query_that_takes_too_long_is_stopped_and_holds_up_nobody_after_it(
    client: bigquery.Client, wine_table: str
) -> None:
    wines = ", ".join(f"`{wine_table}` AS w{number}" for number in range(8))
    endless = f"SELECT SUM(w0.alcohol * w1.alcohol * w2.alcohol * w3.alcohol * w7.alcohol) FROM {wines}"
    job = client.query(endless, job_config=bigquery.QueryJobConfig(job_timeout_ms=500))

    with pytest.raises(GoogleAPICallError, match=r"was cancelled: Job timed out after 0\.5 sec"):
        job.result()
    assert client.get_job(job.job_id).error_result["reason"] == "stopped"
    assert next(iter(client.query_and_wait("SELECT 1 AS one")))["one"] == 1


def test_a_job_runs_only_where_its_tables_are(client: bigquery.Client, wine_table: str) -> None:
    with pytest.raises(NotFound, match="was not found in location US"):
        client.query(f"SELECT 1 FROM `{wine_table}`", location="US").result()
    assert client.query(f"SELECT 1 FROM `{wine_table}` LIMIT 1").location == "EU"


def test_rows_of_many_writers_are_all_kept(client: bigquery.Client, rows, wine_table: str) -> None:
    def write(number: int) -> None:
        bigquery.Client().query_and_wait(f"INSERT INTO `{wine_table}` (quality) VALUES ({number})")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(100, 112)))
    assert rows(f"SELECT COUNT(DISTINCT quality) FROM `{wine_table}` WHERE quality >= 100") == [(12,)]
