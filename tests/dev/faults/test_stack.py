"""The fault suite serves the real DAGs, but for what it names."""

from __future__ import annotations

from pathlib import Path

from dev.faults.stack import CHANGED, copy_dags
from dev.stack.settings import REPOSITORY


def test_the_copied_dags_differ_from_the_original_in_what_is_named_alone(tmp_path: Path):
    copy_dags(tmp_path / "dags")

    for path in (REPOSITORY / "dags").rglob("*.*"):
        if path.suffix in (".py", ".yaml", ".md"):
            copied = (tmp_path / "dags" / path.relative_to(REPOSITORY / "dags")).read_text()
            for original, changed in CHANGED.get(path.name, {}).items():
                assert changed in copied
                copied = copied.replace(changed, original)
            assert copied == path.read_text()
