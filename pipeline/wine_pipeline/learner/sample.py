"""A bounded sample of the rows, the same one in whatever order they are read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# of the multiplications that mix bits: splitmix64, https://prng.di.unimi.it/splitmix64.c
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


class RowSample:
    """
    Keeps the rows whose hashes are smallest, in memory for at most twice as many rows as wanted.

    Equal rows have equal hashes: of the copies of a row all are kept, or none but at the bound.

    :param most: rows to keep.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []
        self._names: tuple[str, ...] = ()

    def add(self, columns: Mapping[str, np.ndarray]) -> None:
        """
        Offer some rows, always of the same columns.

        :param columns: [rows, 1] each, of one type of 4 bytes each.
        """
        self._names = tuple(columns)
        rows = np.concatenate(list(columns.values()), axis=1)
        self._parts.append((row_hashes(rows), rows))
        if sum(len(rows) for _, rows in self._parts) > 2 * self._most:
            self._shrink()

    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns of the rows that are kept, [rows, 1] each: none if no row was offered."""
        if not self._parts:
            return {}
        self._shrink()
        _, rows = self._parts[0]
        return {name: rows[:, [number]] for number, name in enumerate(self._names)}

    def _shrink(self) -> None:
        hashes = np.concatenate([hashes for hashes, _ in self._parts])
        rows = np.concatenate([rows for _, rows in self._parts])
        if len(rows) > self._most:
            kept = np.argpartition(hashes, self._most)[: self._most]
            hashes, rows = hashes[kept], rows[kept]
        self._parts = [(hashes, rows)]


def row_hashes(rows: np.ndarray) -> np.ndarray:
    """
    Return a number for each row, [rows] uint64, that depends on its values alone.

    :param rows: [rows, columns] float32.
    """
    hashes = np.zeros(len(rows), np.uint64)
    for column in np.ascontiguousarray(rows, np.float32).view(np.uint32).T:
        hashes = (hashes ^ column) + _STEP
        hashes = (hashes ^ (hashes >> np.uint64(30))) * _FACTORS[0]
        hashes = (hashes ^ (hashes >> np.uint64(27))) * _FACTORS[1]
        hashes ^= hashes >> np.uint64(31)
    return hashes
