"""The table of SQL functions in the reference matches what is served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.bigquery.sql.checks.served import check_functions
from localcloud.bigquery.sql.syntax.names import FUNCTIONS
from localcloud.bigquery.sql.syntax.parse import parse
from localcloud.errors import ApiError

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference.md"
# words of the table that are not functions
_WORDS = {
    *(
        "ALL",
        "AND",
        "ANY",
        "ARRAY",
        "BYTES",
        "DATE",
        "DATETIME",
        "DISTINCT",
        "HAVING",
        "IGNORE",
        "LIKE",
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
        "SETS",
        "SOME",
        "ROLLUP",
        "CUBE",
        "GROUP",
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
            # another number of arguments, or its own syntax
            continue
        check_functions(statement)
        understood += 1
    assert understood or name in ("BETWEEN", "CASE", "CAST", "SAFE_CAST", "EXTRACT", "IS", "IN")


def test_the_table_names_each_function_that_is_served() -> None:
    section = REFERENCE.read_text().partition("## BigQuery SQL")[2].partition("\n## ")[0]
    wildcards = [
        re.compile(re.escape(written).replace(r"\*", r"\w+"))
        for written in re.findall(r"(?<!\w)(?:\*_[A-Z]+|[A-Z]+_\*)", section)
    ]
    alone = set(re.findall(r"(?<![*\w])[A-Z][A-Z0-9_]+(?![\w*])", section))
    missing = {
        name for name in FUNCTIONS - alone if not any(pattern.fullmatch(name) for pattern in wildcards)
    }
    assert not missing
