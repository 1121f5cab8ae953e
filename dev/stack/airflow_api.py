"""The calls of Airflow's REST API that drive a DAG."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

HEALTH = "/api/v2/monitor/health"
TASKS_HEALTH = "/execution/health"
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
REQUEST_SECONDS = 30
PARSED_SECONDS = 90
# how often a call is sent that Airflow has rolled back
DATABASE_TRIES = 3
# Only calls that change nothing are retried, after 0, 1 and 2 s.
RETRY = Retry(
    total=3,
    backoff_factor=0.5,
    allowed_methods=("GET",),
    status_forcelist=(500, 502, 503, 504),
    raise_on_status=False,
)


class AirflowApiError(RuntimeError):
    """Airflow answered with an error, or not in time."""


class AirflowApi:
    """
    A client of Airflow's stable REST API (v2).

    :param url: base URL of the API server.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount(self.url, HTTPAdapter(max_retries=RETRY))
        # While Airflow starts, it does not answer.
        self._session.mount(f"{self.url}{HEALTH}", HTTPAdapter())
        self._token = ""

    def unhealthy_components(self) -> list[str]:
        """Return the components that are not healthy yet; all of them while nothing answers."""
        try:
            health = self._session.get(f"{self.url}{HEALTH}", timeout=5).json()
        except (requests.RequestException, ValueError):
            return ["api_server"]
        return [name for name in COMPONENTS if (health.get(name) or {}).get("status") != "healthy"]

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """
        Call one endpoint below ``/api/v2``.

        :raises AirflowApiError: the answer is an error, or there is none.
        """
        if not self._token:
            self._token = self._send("GET", "/auth/token", None)["access_token"]
        return self._send(method, f"/api/v2{path}", body)

    def warm_up(self) -> None:
        """
        Send the tasks' API a first request in the background.

        Airflow builds the application of that API at its first request, which takes the API server seconds of
        processor time: they need not be part of the first task.

        .. seealso:: ``Cadwyn.__call__`` in cadwyn/applications.py, the base of the application in
            airflow/api_fastapi/execution_api/app.py
        """

        def send() -> None:
            # what is wrong shows in the first task, too
            with requests.Session() as session, suppress(requests.RequestException):
                session.trust_env = False
                session.get(f"{self.url}{TASKS_HEALTH}", timeout=REQUEST_SECONDS)

        threading.Thread(target=send, daemon=True).start()

    def log_in(self, user: str, password: str) -> None:
        """
        Log in; otherwise calls run as Airflow's default user.

        :raises AirflowApiError: Airflow rejects the login.
        """
        body = {"username": user, "password": password}
        self._token = self._send("POST", "/auth/token", body)["access_token"]

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            for _ in range(DATABASE_TRIES):
                answer = self._session.request(
                    method, f"{self.url}{path}", json=body, headers=headers, timeout=REQUEST_SECONDS
                )
                if answer.ok:
                    return answer.json() if answer.content else None
                if not _is_rolled_back(answer):
                    break
        except requests.RequestException as error:
            raise AirflowApiError(f"Airflow: {method} {path}: {error}") from error
        raise AirflowApiError(f"Airflow: {method} {path}: {answer.status_code} {answer.text[:500]}")

    def unpause(self, dag_id: str) -> None:
        """
        Unpause a DAG, waiting until the DAG processor has parsed it.

        :raises AirflowApiError: the file has an import error, or the DAG does not appear in time.
        """
        deadline = time.monotonic() + PARSED_SECONDS
        while True:
            try:
                self.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})
                return
            except AirflowApiError as error:
                errors = self.call("GET", "/importErrors")["import_errors"]
                if errors:
                    raise AirflowApiError(f"import error: {errors[0]['stack_trace']}") from error
                if time.monotonic() > deadline:
                    raise
            time.sleep(1)

    def trigger(self, dag_id: str) -> str:
        """Trigger a run and return its run id."""
        return str(self.call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return one run."""
        return dict(self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}"))

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Return the state of each task of a run."""
        instances = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {instance["task_id"]: instance["state"] or "waiting" for instance in instances}

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """Return what a task returned."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        return self.call("GET", path)["value"]

    def occupied_slots(self) -> tuple[int, int]:
        """Return how many worker slots are running or queued, and how many tasks are deferred."""
        found = self.call("GET", "/pools/default_pool")
        return int(found["running_slots"]) + int(found["queued_slots"]), int(found["deferred_slots"])


def run_seconds(run: dict[str, Any]) -> float:
    """Return the seconds from a run's trigger to its end."""
    begin, end = (
        datetime.fromisoformat(run[key].replace("Z", "+00:00")) for key in ("queued_at", "end_date")
    )
    return (end - begin).total_seconds()


def _is_rolled_back(answer: requests.Response) -> bool:
    """
    Return whether a call failed in the database, so that it may be sent again.

    On SQLite it does ("database is locked") if another process, such as the scheduler, writes for five
    seconds.

    .. seealso:: ``SQLAlchemyErrorHandler`` in airflow/api_fastapi/common/exceptions.py of Airflow 3.3.1
    """
    if answer.status_code != requests.codes.server_error:
        return False
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return False
    return isinstance(detail, dict) and detail.get("reason") == "Database error"
