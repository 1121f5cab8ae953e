"""The table of SQL functions in the reference names what is served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.bigquery.sql.checks.served import check_functions
from localcloud.bigquery.sql.parse import parse
from localcloud.errors import ApiError

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference.md"
# words of the table that are no functions
_WORDS = {
    *(
        "AND",
        "ARRAY",
        "BYTES",
        "DATE",
        "DATETIME",
        "DISTINCT",
        "HAVING",
        "IGNORE",
        "LIMIT",
        "MAX",
        "MIN",
        "NULLS",
    ),
    *(
        "ORDER",
        "BY",
        "INT64",
        "NUMERIC",
        "OFFSET",
        "ORDINAL",
        "RESPECT",
        "SAFE",
        "SAFE_OFFSET",
        "SAFE_ORDINAL",
    ),
    *(
        "STRING",
        "STRUCT",
        "TIME",
        "TIMESTAMP",
        "UNNEST",
        "WITH",
        "INTERVAL",
        "JSON",
        "AS",
        "SELECT",
        "IN",
        "IS",
    ),
}


def names() -> Iterator[str]:
    """Yield the functions that the table names."""
    section = REFERENCE.read_text().partition("## BigQuery SQL")[2].partition("\n## ")[0]
    for row in re.findall(r"^\| (?!kind|-)[^|]+\| (.*) \|$", section, re.MULTILINE):
        yield from re.findall(r"(?<![*\w])[A-Z][A-Z0-9_]{2,}(?![\w*])", row)


@pytest.mark.parametrize("name", sorted(set(names()) - _WORDS))
def test_a_function_that_the_table_names_is_served(name: str) -> None:
    understood = 0
    for count in range(6):
        try:
            statement = parse(f"SELECT {name}({', '.join('x' * count)})", [], None)
        except ApiError:
            # another number of arguments, or a syntax of its own
            continue
        check_functions(statement)
        understood += 1
    assert understood or name in ("BETWEEN", "CASE", "CAST", "SAFE_CAST", "EXTRACT", "LIKE", "IS", "IN")
