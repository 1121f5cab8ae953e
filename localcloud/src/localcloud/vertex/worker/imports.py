"""Which installed modules earlier tasks have imported: the warm process imports them for the next ones."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path


class LearnedImports:
    """
    The modules in the order of their import, kept in a file.

    :param path: file with one module a line; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def read(self) -> list[str]:
        """Return all modules; none if nothing was learned yet."""
        return self._path.read_text().split() if self._path.exists() else []

    def add(self, modules: Iterable[str]) -> list[str]:
        """
        Record modules.

        :param modules: dotted names, in the order of their import.
        :return: those that are new.
        """
        with self._lock:
            known = set(self.read())
            new = [module for module in modules if module not in known]
            if new:
                with self._path.open("a") as file:
                    file.writelines(f"{module}\n" for module in new)
        return new
