"""Healthcheck of a container: ends with 0 when Airflow says that the component named is healthy."""

from __future__ import annotations

import json
import sys
import urllib.request

URL = "http://api-server:8080/api/v2/monitor/health"
ANSWER_SECONDS = 10


def main(component: str) -> int:
    """
    Check the health with the API server, which knows every component's last heartbeat.

    :param component: a key of its answer, like ``scheduler``.
    :return: exit code.
    """
    # a proxy set for the container cannot reach the other containers
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(URL, timeout=ANSWER_SECONDS) as answer:
            status = json.load(answer)[component]["status"]
    except (OSError, ValueError, KeyError) as error:
        print(f"{component}: {error}")
        return 1
    print(f"{component}: {status}")
    return 0 if status == "healthy" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
