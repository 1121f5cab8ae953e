"""The questions that decide whether a BigQuery table keeps its data contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from vertex_mlops.contract.data_contract import Column, DataContract

if TYPE_CHECKING:
    from google.cloud.bigquery import SchemaField

# tables.get answers with the legacy names
_TYPE_ALIASES = {"FLOAT": "FLOAT64", "INTEGER": "INT64"}

ROW_COUNT = "row_count"
_LABEL_VALUES = "label_values"


def schema_problems(contract: DataContract, schema: Iterable[SchemaField]) -> dict[str, str]:
    """
    Compare the columns of a table with the contract; their names are not case-sensitive.

    Source: https://cloud.google.com/bigquery/docs/schemas#column_names

    :param contract: what the pipeline needs.
    :param schema: what ``tables.get`` returned.
    :return: one short sentence for each column that is missing or has another type.
    """
    fields = {field.name.lower(): field for field in schema}
    problems = {}
    for name, column in contract.columns.items():
        field = fields.get(name.lower())
        if field is None:
            problems[name] = "is missing"
        elif found := _other_type(column, field):
            problems[name] = f"is {found}, must be {column.type}"
    return problems


def check_query(contract: DataContract, columns: Iterable[str], table: str, snapshot: int) -> str:
    """
    Build the aggregate query that counts the rows and everything that is wrong with them.

    :param contract: what the pipeline needs.
    :param columns: the columns to look at; each must be in the contract and in the table.
    :param table: ``project.dataset.table``.
    :param snapshot: moment at which the table is read, in milliseconds since the epoch.
    """
    counts = [f"COUNT(*) AS `{ROW_COUNT}`"]
    if contract.label in columns:
        counts.append(f"COUNT(DISTINCT `{contract.label}`) AS `{_LABEL_VALUES}`")
    for name in columns:
        counts += [
            f"COUNTIF({test}) AS `{name}__{kind}`" for kind, test in _tests(name, contract.columns[name])
        ]
    return (
        f"SELECT {', '.join(counts)} FROM `{table}` "  # noqa: S608
        f"FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({snapshot})"
    )


def row_problems(contract: DataContract, columns: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    """
    Describe the counts of :func:`check_query`.

    :param contract: what the pipeline needs.
    :param columns: the columns that the query looked at.
    :param counts: the one row that it returned.
    """
    if not counts[ROW_COUNT]:
        return ["has 0 rows"]
    problems = []
    if counts[ROW_COUNT] < contract.min_rows:
        problems.append(f"has {_number(counts[ROW_COUNT], 'row')}, must have at least {contract.min_rows}")
    if contract.label in columns and counts[_LABEL_VALUES] < contract.min_label_values:
        found = _number(counts[_LABEL_VALUES], "value")
        problems.append(
            f"column {contract.label} has {found}, must have at least {contract.min_label_values}"
        )
    for name in columns:
        column = contract.columns[name]
        words = {"null": "NULL", "nan": "NaN", "range": f"outside {column.min:g}..{column.max:g}"}
        for kind, _ in _tests(name, column):
            if count := counts[f"{name}__{kind}"]:
                problems.append(f"column {name} has {count} {words[kind]}")
    return problems


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' * (count != 1)}"


def _other_type(column: Column, field: SchemaField) -> str | None:
    found = _TYPE_ALIASES.get(field.field_type, field.field_type)
    if field.mode == "REPEATED":
        return f"ARRAY<{found}>"
    return None if found == column.type else found


def _tests(name: str, column: Column) -> list[tuple[str, str]]:
    bounds = f"`{name}` NOT BETWEEN {_literal(column, column.min)} AND {_literal(column, column.max)}"
    tests = [("null", f"`{name}` IS NULL")]
    if column.type == "FLOAT64":
        tests.append(("nan", f"IS_NAN(`{name}`)"))
        bounds = f"NOT IS_NAN(`{name}`) AND {bounds}"
    return [*tests, ("range", bounds)]


def _literal(column: Column, bound: float) -> str:
    return str(int(bound)) if column.type == "INT64" else repr(bound)
