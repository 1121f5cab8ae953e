"""Views: what defines them, and how a query reads through them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.syntax.parse import parse
from localcloud.bigquery.store.catalog import Table

# Keys of a table's resource that make it something else than a table.
DEFINITIONS = ("view", "materializedView", "externalDataConfiguration")
VIEWS = ("VIEW", "MATERIALIZED_VIEW")
_SETTABLE = {
    "view": {"query", "useLegacySql"},
    "materializedView": {"query", "enableRefresh", "refreshIntervalMs"},
    "externalDataConfiguration": {"sourceUris", "sourceFormat", "autodetect", "csvOptions", "schema"},
}


def read_definition(body: Mapping[str, Any]) -> dict[str, Any]:
    """
    Read what makes a table a view, a materialized view or an external table.

    Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#ViewDefinition

    :param body: a table's resource.
    :return: the one of ``DEFINITIONS`` that is set; nothing for a table.
    :raises ApiError: 400 for two of them or a schema next to a query, 501 for legacy SQL and for options.
    """
    given = [key for key in DEFINITIONS if body.get(key)]
    if not given:
        return {}
    if len(given) > 1:
        raise failure("invalid", f"Only one of {' and '.join(given)} may be set")
    key = given[0]
    definition = {name: value for name, value in body[key].items() if value is not None}
    unknown = {name for name, value in definition.items() if value} - _SETTABLE[key]
    if unknown:
        raise unsupported(f"{', '.join(sorted(unknown))} of a {key}")
    if key != "externalDataConfiguration":
        if not definition.get("query"):
            raise failure("required", f"Required parameter is missing: {key}.query")
        if (body.get("schema") or {}).get("fields"):
            raise failure("invalid", "Schema field shouldn't be used as input with a view")
    if key == "view" and definition.get("useLegacySql", True):
        raise unsupported("views in legacy SQL; set useLegacySql to false")
    return {key: definition}


def view_query(definition: Mapping[str, Any]) -> exp.Expr | None:
    """
    Parse the query of a view.

    :param definition: a table's resource, or what :func:`read_definition` gives.
    :return: None for what is no view.
    :raises ApiError: 400 for bad SQL.
    """
    view = definition.get("view") or definition.get("materializedView")
    return parse(view["query"], [], None) if view else None


def demand_table(table: Table, project: str) -> None:
    """
    Refuse to change rows of what is no table, as changes, loads and streams would.

    :raises ApiError: 400 that names the type.
    """
    if table.kind != "TABLE":
        name = f"{project}:{table.dataset_id}.{table.table_id}"
        message = f"{name} is not allowed for this operation because it is currently a {table.kind}."
        raise failure("invalid", message)
