"""What a person does to a DAG file is seen by Airflow without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.stack.airflow_api import AirflowApiError
from tests.plugins.live.runs import Runs, wait

DAG = "edited"
TEXT = "from airflow.sdk import DAG\n\ndag = DAG('edited', description='{description}')\n"


@pytest.fixture
def path(runs: Runs) -> Iterator[Path]:
    """Return the path of a DAG file that is not there yet."""
    path = runs.stack.settings.root / "dags" / f"{DAG}.py"
    yield path
    path.unlink(missing_ok=True)


def described(runs: Runs) -> str | None:
    """Return how Airflow describes the DAG; None if it knows no such DAG, or one whose file is gone."""
    try:
        dag = runs.stack.airflow.call("GET", f"/dags/{DAG}")
    except AirflowApiError:
        return None
    return None if dag["is_stale"] else str(dag["description"])


def test_a_new_file_an_edit_an_error_and_a_removal_are_seen(runs: Runs, path: Path):
    path.write_text(TEXT.format(description="new"))
    wait(lambda: described(runs), lambda seen: seen == "new")

    path.write_text(TEXT.format(description="edited"))
    wait(lambda: described(runs), lambda seen: seen == "edited")

    path.write_text(TEXT.format(description="wrong") + "import nothing_of_this_name\n")
    errors = wait(
        lambda: runs.stack.airflow.call("GET", "/importErrors")["import_errors"],
        lambda seen: [error["filename"] for error in seen] == [path.name],
    )
    assert "nothing_of_this_name" in errors[0]["stack_trace"]

    path.unlink()
    wait(lambda: described(runs), lambda seen: seen is None)
