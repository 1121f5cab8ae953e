"""GoogleSQL text to one parsed statement, with its parameters put in."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import TokenType

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.syntax.dialect import GoogleSql, check_types
from localcloud.bigquery.store.types import TYPES, legacy_name

DIALECT = "bigquery"
_JSON_FUNCTIONS = {
    *("JSON_VALUE", "JSON_QUERY", "JSON_EXTRACT", "JSON_EXTRACT_SCALAR", "JSON_EXTRACT_ARRAY"),
    *("JSON_EXTRACT_STRING_ARRAY", "JSON_QUERY_ARRAY", "JSON_VALUE_ARRAY"),
}
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords
_RESERVED = {
    *("ALL", "AND", "ANY", "ARRAY", "AS", "ASC", "ASSERT_ROWS_MODIFIED", "AT", "BETWEEN", "BY"),
    *("CASE", "CAST", "COLLATE", "CONTAINS", "CREATE", "CROSS", "CUBE", "CURRENT", "DEFAULT"),
    *("DEFINE", "DESC", "DISTINCT", "ELSE", "END", "ENUM", "ESCAPE", "EXCEPT", "EXCLUDE"),
    *("EXISTS", "EXTRACT", "FALSE", "FETCH", "FOLLOWING", "FOR", "FROM", "FULL", "GROUP"),
    *("GROUPING", "GROUPS", "HASH", "HAVING", "IF", "IGNORE", "IN", "INNER", "INTERSECT"),
    *("INTERVAL", "INTO", "IS", "JOIN", "LATERAL", "LEFT", "LIKE", "LIMIT", "LOOKUP", "MERGE"),
    *("NATURAL", "NEW", "NO", "NOT", "NULL", "NULLS", "OF", "ON", "OR", "ORDER", "OUTER", "OVER"),
    *("PARTITION", "PRECEDING", "PROTO", "QUALIFY", "RANGE", "RECURSIVE", "RESPECT", "RIGHT"),
    *("ROLLUP", "ROWS", "SELECT", "SET", "SOME", "STRUCT", "TABLESAMPLE", "THEN", "TO", "TREAT"),
    *("TRUE", "UNBOUNDED", "UNION", "UNNEST", "USING", "WHEN", "WHERE", "WINDOW", "WITH"),
    "WITHIN",
}
_ESCAPING = (TokenType.STRING, TokenType.BYTE_STRING)
_ESCAPE = re.compile(
    r"""\\([abfnrtv\\?"'`\n]|[0-3][0-7]{2}|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"""
)
_KINDS: list[tuple[type[exp.Expr], str]] = [
    (exp.Query, "SELECT"),
    (exp.Insert, "INSERT"),
    (exp.Update, "UPDATE"),
    (exp.Delete, "DELETE"),
    (exp.Merge, "MERGE"),
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
    statements = _statements(query)
    if not statements:
        raise failure("invalidQuery", "Syntax error: Unexpected end of statement at [1:1]")
    if len(statements) > 1:
        raise unsupported("scripts of more than one statement")
    statement = statements[0]
    _refuse_reserved_names(statement)
    check_types(statement)
    if isinstance(statement, exp.Merge) and not isinstance(statement.args.get("on"), exp.Expr):
        raise failure("invalidQuery", "Syntax error: Expected keyword ON in MERGE")
    if (
        isinstance(statement, exp.Delete)
        and not statement.this
        and len(statement.args.get("tables") or []) == 1
    ):
        # DELETE without FROM
        statement.set("this", statement.args["tables"][0])
        statement.set("tables", None)
    if isinstance(statement, exp.Alias | exp.Column | exp.Literal):
        raise _syntax_error(f'Unexpected identifier "{query.split()[0]}"', 1, 1)
    return _with_parameters(statement, parameters)


def _statements(query: str) -> list[exp.Expr]:
    try:
        text = _with_values(query)
        _refuse_foreign_syntax(query)
        return [statement for statement in sqlglot.parse(text, read=GoogleSql) if statement is not None]
    except ParseError as error:
        if not error.errors:
            # of what sqlglot makes of a function's arguments
            raise failure("invalidQuery", f"Syntax error: {str(error).splitlines()[0]}") from error
        place = error.errors[0]
        near = f' near "{place["highlight"]}"' if place.get("highlight") else ""
        raise _syntax_error(
            f"{_without_tokens(place['description'])}{near}", place["line"], place["col"]
        ) from error
    except TokenError as error:
        raise failure("invalidQuery", f"Syntax error: {error}".splitlines()[0]) from error
    except IndexError as error:
        # sqlglot counts the arguments of a few functions so
        raise failure("invalidQuery", "Syntax error: a function has too few arguments") from error


def _with_values(query: str) -> str:
    """Write the ``INSERT (a, b) ROW`` of a MERGE as ``INSERT (a, b) VALUES (ROW)`` for sqlglot."""
    tokens = sqlglot.tokenize(query, read=DIALECT)
    if not tokens or tokens[0].token_type != TokenType.MERGE:
        return query
    for before, token in reversed(list(pairwise(tokens))):
        if before.token_type == TokenType.R_PAREN and token.text.upper() == "ROW":
            query = f"{query[: token.start]}VALUES (ROW){query[token.end + 1 :]}"
    return query


def _refuse_foreign_syntax(query: str) -> None:
    """
    Refuse operators that other databases have.

    :raises ApiError: 400 that names the first.
    """
    tokens = sqlglot.tokenize(query, read=DIALECT)
    for index, token in enumerate(tokens):
        if token.token_type in _ESCAPING:
            _refuse_escapes(query[token.start : token.end + 1], token)
        if token.text.upper() in _JSON_FUNCTIONS:
            _demand_json_path(tokens[index + 1 :])
        if token.token_type == TokenType.STRING and index and tokens[index - 1].token_type == TokenType.ALIAS:
            _refuse_text_as_name(token, tokens)
        if token.token_type in (TokenType.DCOLON, TokenType.MOD, TokenType.ILIKE, TokenType.DSTAR):
            raise _syntax_error(f'Unexpected "{token.text}"', token.line, token.col - len(token.text) + 1)


def _refuse_escapes(written: str, token: Any) -> None:
    """
    Refuse escapes that GoogleSQL does not have, whose backslash sqlglot drops.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#escape_sequences
    """
    if written[:2].lower() in ("r'", 'r"', "rb", "br"):
        return
    for match in re.finditer(r"\\(.)", written, re.DOTALL):
        of_text_alone = match[1] in "uU" and token.token_type == TokenType.BYTE_STRING
        if of_text_alone or not _ESCAPE.match(written, match.start()):
            raise _syntax_error(f"Illegal escape sequence: {match[0]}", token.line, token.col)


def _refuse_text_as_name(token: Any, tokens: list[Any]) -> None:
    """Refuse a text as an alias, outside of an UNPIVOT, whose columns stand for texts."""
    if not any(other.token_type == TokenType.UNPIVOT for other in tokens):
        raise _syntax_error(f'Unexpected string literal "{token.text}"', token.line, token.col)


def _refuse_reserved_names(statement: exp.Expr) -> None:
    """
    Refuse keywords as aliases, which sqlglot takes.

    :raises ApiError: 400 that names the first.
    """
    names = [alias.args.get("alias") for alias in statement.find_all(exp.Alias)]
    for table in statement.find_all(exp.TableAlias):
        names += [table.this, *table.columns]
    for name in names:
        if isinstance(name, exp.Identifier) and not name.quoted and name.name.upper() in _RESERVED:
            word = name.name.upper()
            raise failure("invalidQuery", f"Syntax error: Unexpected keyword {word}{place(name)}")


def _demand_json_path(tokens: list[Any]) -> None:
    """
    Refuse a JSONPath that does not start with ``$``, which sqlglot takes for one that does.

    :param tokens: those after the name of a function.
    :raises ApiError: 400.
    """
    depth = 0
    for token, after in pairwise(tokens):
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if depth < 1:
            return
        is_path = token.token_type == TokenType.COMMA and after.token_type == TokenType.STRING
        if depth == 1 and is_path and not after.text.startswith("$"):
            raise failure("invalidQuery", f"JSONPath must start with '$': {after.text}")


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
        if isinstance(node.this, exp.Parameter):
            raise unsupported(f"the system variable @@{node.this.name}")
        if name not in values:
            raise failure("invalidQuery", f"Query parameter '{node.name}' not found")
        node.replace(values[name].copy())
    return statement


def _literal(parameter: dict[str, Any]) -> exp.Expr:
    return _value(parameter.get("parameterType", {}), parameter.get("parameterValue", {}), parameter)


def _value(kind: dict[str, Any], value: dict[str, Any], parameter: dict[str, Any]) -> exp.Expr:
    name = _type_name(kind, parameter)
    if name == "ARRAY":
        element = kind.get("arrayType", {})
        parts = [_value(element, item, parameter) for item in value.get("arrayValues", [])]
        return exp.Array(expressions=parts)
    if name == "STRUCT":
        held = value.get("structValues", {})
        fields = [
            exp.PropertyEQ(
                this=exp.to_identifier(field.get("name") or f"_field_{index}", quoted=True),
                expression=_value(field.get("type", {}), held.get(field.get("name"), {}), parameter),
            )
            for index, field in enumerate(kind.get("structTypes", []), start=1)
        ]
        return exp.Struct(expressions=fields)
    return _scalar(value.get("value"), name)


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


def place_of(query: exp.Expr, name: str) -> str:
    """Return where a statement first has a name, as messages end with it; nothing if it has not."""
    named = (node for node in query.find_all(exp.Identifier) if node.name.lower() == name.lower())
    return next(filter(None, map(place, named)), "")


def place(node: exp.Expr) -> str:
    """Return where an identifier stands, as messages end with it; nothing if that is not known."""
    if "line" not in node.meta:
        return ""
    column = node.meta["col"] - (node.meta["end"] - node.meta["start"])
    return f" at [{node.meta['line']}:{column}]"
