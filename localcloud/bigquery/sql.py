"""GoogleSQL text to one parsed statement, with its parameters put in."""

from __future__ import annotations

import re
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import TokenType

from localcloud.bigquery.failures import failure, unsupported
from localcloud.bigquery.types import TYPES, legacy_name

DIALECT = "bigquery"
_KINDS: list[tuple[type[exp.Expr], str]] = [
    (exp.Query, "SELECT"),
    (exp.Insert, "INSERT"),
    (exp.Update, "UPDATE"),
    (exp.Delete, "DELETE"),
    (exp.TruncateTable, "TRUNCATE_TABLE"),
    (exp.Create, "CREATE_TABLE"),
    (exp.Drop, "DROP_TABLE"),
]


def parse(query: str, parameters: list[dict[str, Any]], parameter_mode: str | None) -> exp.Expr:
    """
    Parse one statement.

    :param query: GoogleSQL.
    :param parameters: ``queryParameters`` as the API has them.
    :param parameter_mode: ``NAMED`` or ``POSITIONAL``.
    :raises ApiError: 400 for bad SQL or parameters that do not fit, 501 for a script.
    """
    if (parameter_mode or "").upper() == "POSITIONAL" or any(not p.get("name") for p in parameters):
        query = _name_the_positional(query, len(parameters))
        parameters = [{**parameter, "name": f"_{index}"} for index, parameter in enumerate(parameters)]
    try:
        statements = [statement for statement in sqlglot.parse(query, read=DIALECT) if statement is not None]
    except ParseError as error:
        place = error.errors[0]
        near = f' near "{place["highlight"]}"' if place.get("highlight") else ""
        raise _syntax_error(
            f"{_without_tokens(place['description'])}{near}", place["line"], place["col"]
        ) from error
    except TokenError as error:
        raise failure("invalidQuery", f"Syntax error: {error}".splitlines()[0]) from error
    if not statements:
        raise failure("invalidQuery", "Syntax error: Unexpected end of statement at [1:1]")
    if len(statements) > 1:
        raise unsupported("scripts of more than one statement")
    statement = statements[0]
    if isinstance(statement, exp.Alias | exp.Column | exp.Literal):
        raise _syntax_error(f'Unexpected identifier "{query.split()[0]}"', 1, 1)
    return _with_parameters(statement, parameters)


def _without_tokens(description: str) -> str:
    """Replace sqlglot's print of a token by the token's text; the last has none of its own."""
    text = re.sub(r"<Token .*?SENTINEL.*?>", "end of input", description)
    return re.sub(r"<Token .*?text: (.*?), line.*?>", r'"\1"', text).rstrip(".")


def _syntax_error(what: str, line: Any, column: Any) -> Exception:
    return failure("invalidQuery", f"Syntax error: {what} at [{line}:{column}]")


def statement_type(statement: exp.Expr) -> str:
    """
    Return the ``statementType`` of a statement.

    :raises ApiError: 501 for a kind that localcloud does not run.
    """
    name = next((name for kind, name in _KINDS if isinstance(statement, kind)), None)
    if name is None:
        words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(statement).__name__).upper()
        name = str(statement.this) if isinstance(statement, exp.Command) else words
        raise unsupported(f"{name} statements")
    if not isinstance(statement, exp.Create | exp.Drop):
        return name
    verb, kind = name.split("_")[0], statement.args.get("kind")
    if kind not in ("TABLE", "VIEW"):
        raise unsupported(f"{verb} {kind} statements")
    if kind == "VIEW":
        return f"{verb}_VIEW"
    return "CREATE_TABLE_AS_SELECT" if statement.args.get("expression") else name


def _name_the_positional(query: str, count: int) -> str:
    try:
        tokens = sqlglot.tokenize(query, read=DIALECT)
    except TokenError as error:
        raise failure("invalidQuery", f"Syntax error: {error}".splitlines()[0]) from error
    marks = [token.start for token in tokens if token.token_type == TokenType.PLACEHOLDER]
    if len(marks) > count:
        raise failure("invalidQuery", f"Query parameter number {count + 1} is not defined")
    for index, start in reversed(list(enumerate(marks))):
        query = f"{query[:start]}@_{index}{query[start + 1 :]}"
    return query


def _with_parameters(statement: exp.Expr, parameters: list[dict[str, Any]]) -> exp.Expr:
    values = {parameter.get("name", "").lower(): _literal(parameter) for parameter in parameters}
    for node in list(statement.find_all(exp.Parameter, exp.Placeholder)):
        name = node.name.lower()
        if name not in values:
            raise failure("invalidQuery", f"Query parameter '{node.name}' not found")
        node.replace(values[name].copy())
    return statement


def _literal(parameter: dict[str, Any]) -> exp.Expr:
    kind = parameter.get("parameterType", {})
    value = parameter.get("parameterValue", {})
    if kind.get("type") == "ARRAY":
        element = _type_name(kind.get("arrayType", {}), parameter)
        values = value.get("arrayValues", [])
        return exp.Array(expressions=[_scalar(item.get("value"), element) for item in values])
    return _scalar(value.get("value"), _type_name(kind, parameter))


def _type_name(kind: dict[str, Any], parameter: dict[str, Any]) -> str:
    if not kind.get("type"):
        raise failure("required", f"Query parameter '{parameter.get('name', '')}' is missing its type")
    return str(kind["type"])


def _scalar(value: Any, type_name: str) -> exp.Expr:
    name = TYPES[legacy_name(type_name)].name
    literal = exp.null() if value is None else exp.Literal.string(str(value))
    if name == "STRING" and value is not None:
        return literal
    if name == "BYTES":
        raise unsupported("BYTES query parameters")
    return exp.cast(literal, name, dialect=DIALECT)
