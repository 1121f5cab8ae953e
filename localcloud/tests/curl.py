"""A mark for tests that need curl."""

from __future__ import annotations

import shutil

import pytest

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on the PATH")
