"""A batch of rows of a stream, in either format."""

from __future__ import annotations

from typing import Any, NamedTuple

import pyarrow as pa

_BYTES = 1024**2


class Batch(NamedTuple):
    """
    Some rows.

    :param content: the field of a ``ReadRowsResponse`` that holds them.
    :param rows: how many rows it has.
    """

    content: dict[str, Any]
    rows: int


def rows_of_batch(rows: pa.Table) -> int:
    """Return how many of these rows make a message of about a megabyte."""
    return max(1, rows.num_rows * _BYTES // max(rows.nbytes, 1))
