"""What the tests of localcloud share beside the running one."""

from __future__ import annotations

import pytest

from localcloud.config import Settings


@pytest.fixture
def settings(tmp_path) -> Settings:
    """Settings with a state folder of their own, for parts that need no running localcloud."""
    return Settings(state=tmp_path / "state")
