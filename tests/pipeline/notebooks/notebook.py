"""How a notebook's expressions are evaluated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Evaluate = Callable[[str, str], Any]
