"""The time limit of a statement."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from localcloud.bigquery.errors import failure

# Six hours in the cloud, where a query holds up nobody else.
# Source: https://cloud.google.com/bigquery/quotas#query_jobs
LONGEST_SECONDS = 300.0
# an interrupt between two statements of DuckDB hits neither of them
_INTERRUPT_EVERY = 0.2


@contextmanager
def time_limit(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """
    Interrupt statements that run on a connection for too long.

    Source: https://github.com/dbt-labs/dbt-adapters/pull/1974, which quotes what BigQuery answers

    :param connection: where the statements run, in this thread.
    :param seconds: from now on.
    :raises ApiError: 499 when the time is over.
    """
    done = threading.Event()
    deadline = time.monotonic() + seconds

    def interrupt() -> None:
        pause = seconds
        while not done.wait(pause):
            connection.interrupt()
            pause = _INTERRUPT_EVERY

    watch = threading.Thread(target=interrupt, name="bigquery-deadline", daemon=True)
    watch.start()
    try:
        yield
    except Exception as error:
        if time.monotonic() < deadline:
            raise
        message = f"Job execution was cancelled: Job timed out after {seconds:g} sec"
        raise failure("stopped", message) from error
    finally:
        done.set()
        # no interrupt may come after this, for it would hit the next statement
        watch.join()
