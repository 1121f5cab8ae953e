"""What is known of the seconds of tests: true to the tests that there are, renewed part by part."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from dev.lanes.durations import DURATIONS, KINDS, file_of, read_durations, write_durations
from dev.lanes.events import EVENTS

REPOSITORY = Path(__file__).resolve().parents[3]
HERE = "tests/dev/lanes/test_durations.py"
OTHER = "tests/dev/lanes/test_run.py"


def test_every_file_that_is_named_exists() -> None:
    durations = read_durations()
    names = {file_of(name) for kind in ("files", "fixtures", "tests") for name in durations[kind]}

    assert set(json.loads(DURATIONS.read_text())) == set(KINDS)
    assert [name for name in names if not (REPOSITORY / name).exists()] == []


def test_what_ran_is_renewed_what_did_not_is_kept_and_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "durations.json"
    first = {
        "lanes": {"test-e2e": 400.0, "test-units": 300.0},
        "files": {HERE: 5.0, OTHER: 7.0},
        "fixtures": {f"{HERE}::slow": 3.0},
        "tests": {f"{HERE}::test_old": 4.0, f"{OTHER}::test_kept": 6.04},
    }
    write_durations(first, [HERE, OTHER], path)
    gone = "tests/dev/lanes/test_that_is_gone.py"
    second = {
        "lanes": {"test-units": 200.0},
        "files": {HERE: 2.0, gone: 9.0},
        "fixtures": {f"{HERE}::slow": 0.2},
        "tests": {f"{HERE}::test_new": 1.96},
    }
    write_durations(second, [HERE, gone], path)

    assert read_durations(path) == {
        "lanes": {"test-e2e": 400.0, "test-units": 200.0},
        "files": {HERE: 2.0, OTHER: 7.0},
        "fixtures": {},
        "tests": {f"{HERE}::test_new": 2.0, f"{OTHER}::test_kept": 6.0},
    }


def test_make_check_leaves_out_what_starts_localcloud_and_keeps_the_rest() -> None:
    quick = collected("--quick")

    assert [test for test in quick if "test_tables.py" in test] == []
    assert [test for test in quick if "test_pki.py" in test] != []
    assert set(quick) < set(collected())


def collected(*options: str) -> list[str]:
    """Collect the tests of two files."""
    files = [f"localcloud/tests/{name}" for name in ("bigquery/api/test_tables.py", "clients/test_pki.py")]
    suite = ["-c", "localcloud/pyproject.toml", "-p", "dev.lanes.selection"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *suite, "--collect-only", "-q", *options, *files],
        cwd=REPOSITORY,
        # these tests are not those of the lane that this one may run in
        env={name: value for name, value in os.environ.items() if name != EVENTS},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if "::" in line]
