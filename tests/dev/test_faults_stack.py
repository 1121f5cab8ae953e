"""The fault suite serves the real DAGs, but for the waits that it names."""

from __future__ import annotations

from pathlib import Path

from dev.faults_stack import SHORTENED, copy_dags
from dev.settings import REPOSITORY


def test_the_copied_dags_differ_from_the_original_in_their_waits_alone(tmp_path: Path):
    copy_dags(tmp_path / "dags")

    for path in (REPOSITORY / "dags").rglob("*.*"):
        if path.suffix in (".py", ".yaml", ".md"):
            copied = (tmp_path / "dags" / path.relative_to(REPOSITORY / "dags")).read_text()
            original, shortened = SHORTENED.get(path.name, ("", ""))
            assert copied.replace(shortened, original) == path.read_text()
            assert shortened in copied
