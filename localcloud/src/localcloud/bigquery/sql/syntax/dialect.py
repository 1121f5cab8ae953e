"""GoogleSQL's grammar: sqlglot's, without the types and functions of other databases."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.parser import Parser
from sqlglot.parsers.bigquery import BigQueryParser
from sqlglot.tokenizer_core import TokenType

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.syntax.names import FUNCTIONS, OF_LITERALS, TYPES

# no functions: a date part, and what is refused by its place
_PARSED = FUNCTIONS | {"WEEK", "UNNEST"}


class GoogleSql(BigQuery):
    """sqlglot's dialect, which takes no more than BigQuery does."""

    def to_json_path(self, path: exp.Expr | None) -> exp.Expr | None:
        """Keep a JSONPath as it is written: its quotes tell whether a function takes it."""
        found = super().to_json_path(path)
        if found is not None and isinstance(path, exp.Literal):
            found.meta["written"] = path.name
        return found

    class Parser(BigQueryParser):
        """Refuses the names that sqlglot knows from elsewhere."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {
            name: build for name, build in BigQueryParser.FUNCTIONS.items() if name in _PARSED
        }
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            name: parse
            for name, parse in BigQueryParser.FUNCTION_PARSERS.items()
            if name in _PARSED or name not in Parser.FUNCTION_PARSERS
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            **{name: BigQueryParser.NO_PAREN_FUNCTION_PARSERS[name] for name in ("ANY", "CASE", "IF")},
            "SOME": BigQueryParser.NO_PAREN_FUNCTION_PARSERS["ANY"],
            "ALL": lambda self: self.expression(exp.All(this=self._parse_bitwise())),
        }

        def _parse_types(self, *args: Any, **kwargs: Any) -> exp.Expr | None:
            """Keep the name of a type, for :func:`check_types`: nothing else tells INT64 from INT32."""
            start, token = self._index, self._curr
            kind = super()._parse_types(*args, **kwargs)
            named = kind.to if isinstance(kind, exp.Cast) else kind
            if isinstance(named, exp.DataType) and "type_name" not in named.meta and token:
                has_parts = bool(named.expressions or named.args.get("collate"))
                is_one_word = has_parts or named is not kind or self._index == start + 1
                named.meta["type_name"] = token.text if is_one_word else self._find_sql(token, self._prev)
                named.meta["type_place"] = _place(token)
            if kind is None and token and not kwargs.get("check_func"):
                self._refuse_unknown(token, start, bool(kwargs.get("schema")))
            return kind

        def _refuse_unknown(self, token: Any, start: int, of_column: bool) -> None:
            """Name the type where there must be one; elsewhere, what is no type may be a value."""
            before = self._tokens[start - 1].token_type if start else None
            named = self._next and self._next.token_type == TokenType.VAR
            is_field = named and before in (TokenType.LT, TokenType.COMMA)
            if token.token_type == TokenType.VAR and (
                of_column or is_field or before in (TokenType.LT, TokenType.ALIAS)
            ):
                unknown = self._next if is_field else token
                raise _not_found(unknown.text, _place(unknown))

        def _parse_cast(self, strict: bool, safe: bool | None = None) -> exp.Expr:
            """Keep the FORMAT of a CAST as it is written."""
            value = self._parse_disjunction()
            if not self._match(TokenType.ALIAS):
                self.raise_error("Expected keyword AS")
            to = self._parse_types()
            if to is None:
                self.raise_error("Expected a type")
            form = self._parse_bitwise() if self._match(TokenType.FORMAT) else None
            return self.build_cast(strict=strict, this=value, to=to, format=form, safe=safe)

        def _parse_type(self, *args: Any, **kwargs: Any) -> exp.Expr | None:
            """Mark a literal such as ``DATE '2020-01-01'``."""
            token = self._curr
            value = super()._parse_type(*args, **kwargs)
            if isinstance(value, exp.Cast) and isinstance(value.this, exp.Literal):
                value.to.meta["of_literal"] = token and value.to.meta.get("type_name") == token.text
            return value


def _place(token: Any) -> str:
    return f"[{token.line}:{token.col - len(token.text) + 1}]"


def _not_found(name: str, place: str) -> Exception:
    return failure("invalidQuery", f"Type not found: {name} at {place}")


def check_types(statement: exp.Expr) -> None:
    """
    Refuse the types that BigQuery does not have, and give the others one kind for all of their names.

    :raises ApiError: 400 that names the first, as in https://github.com/r-dbi/bigrquery/issues/483.
    """
    for kind in statement.find_all(exp.DataType):
        written = kind.meta.get("type_name")
        if written is None:
            continue
        name, place = written.strip("`").upper(), kind.meta["type_place"]
        if name not in TYPES:
            raise _not_found(written, place)
        if kind.meta.get("of_literal") and name not in OF_LITERALS:
            raise failure("invalidQuery", f"Syntax error: Unexpected string literal at {place}")
        if kind.args.get("collate"):
            raise unsupported(f"COLLATE of the type {written}")
        kind.set("this", TYPES[name])
