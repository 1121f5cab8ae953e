"""The client of ``localcloud monitor run``, which analyses a window of a monitoring job at once."""

from __future__ import annotations

import re
from typing import Any

import requests

from localcloud.clients.environment import client_environment
from localcloud.config import Settings

PATH = "/localcloud/monitoring"
JOB_FORMAT = "projects/PROJECT/locations/REGION/modelDeploymentMonitoringJobs/ID"
_HOST = "https://aiplatform.googleapis.com"
_JOB = re.compile(r"projects/[^/]+/locations/[^/]+/modelDeploymentMonitoringJobs/[^/]+")
# the first window waits until the pipeline environment has imported its libraries
_SECONDS = 300


class MonitorError(Exception):
    """A window was not analysed; the message says why in one line."""


def run_window(settings: Settings, job: str) -> list[str]:
    """
    Make the running localcloud analyse the requests to a job's models since the last window.

    :param settings: which localcloud.
    :param job: resource name of the monitoring job.
    :return: one line for each feature that was measured.
    :raises MonitorError: the window was not analysed.
    """
    if not _JOB.fullmatch(job):
        raise MonitorError(
            f"{job!r} is not projects/PROJECT/locations/REGION/modelDeploymentMonitoringJobs/ID"
        )
    environment = client_environment(settings)
    session = requests.Session()
    # a proxy of the environment must not be used
    session.trust_env = False
    session.verify = environment["REQUESTS_CA_BUNDLE"]
    session.proxies = {"https": environment["HTTPS_PROXY"]}
    try:
        answer = session.post(f"{_HOST}{PATH}/{job}:run", timeout=_SECONDS)
    except (OSError, requests.RequestException) as error:
        raise MonitorError(f"localcloud does not answer at {environment['HTTPS_PROXY']}: {error}") from error
    content: Any = answer.json()
    if answer.status_code != requests.codes.ok:
        raise MonitorError(str(content["error"]))
    return [str(line) for line in content["lines"]]
