"""FORMAT, the printf of GoogleSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.functions.casts import googlesql_name
from localcloud.bigquery.sql.functions.nodes import Translation, call, cast, number, text
from localcloud.bigquery.sql.functions.types import DECIMALS, Types

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#format_string and
# https://github.com/google/zetasql/blob/master/zetasql/public/functions/string_format.cc
MACROS = r"""
CREATE TEMP MACRO bq_written(form, value) AS
    bq_value_text(form, typeof(value), CAST(to_json(value) AS VARCHAR));
"""
_SPECIFIER = re.compile(
    r"%(?P<flags>[-+ #'0]*)(?P<width>\*|\d*)(?P<precision>\.(?:\*|\d*))?(?P<form>.)", re.DOTALL
)
_INTEGERS, _FLOATS, _TEXTS = "dioxX", "fFeEgG", "tT"


def _format(node: exp.Format, types: Types) -> exp.Expr:
    pattern = node.this
    if isinstance(pattern, exp.Null):
        return cast(exp.null(), "VARCHAR")
    if not isinstance(pattern, exp.Literal | exp.RawString):
        raise unsupported("FORMAT with a pattern that is not a literal")
    joined: exp.Expr = text("")
    for part in _Pattern(pattern.name, node.expressions, types).parts():
        joined = exp.DPipe(this=joined, expression=part)
    return cast(exp.paren(joined), "VARCHAR")


class _Pattern:
    """
    A pattern, which takes the arguments of its FORMAT one by one.

    :param text: the pattern.
    :param arguments: what the specifiers write.
    :param types: of the arguments.
    """

    def __init__(self, text: str, arguments: list[exp.Expr], types: Types) -> None:
        self._text = text
        self._arguments = arguments
        self._types = types
        self._taken = 0

    def parts(self) -> Iterator[exp.Expr]:
        """
        Yield the texts of the pattern, and the calls that write the arguments.

        :raises ApiError: 400 for a bad specifier, and for arguments that do not fit.
        """
        place = 0
        for match in re.finditer(r"%", self._text):
            if match.start() < place:
                continue
            specifier = _SPECIFIER.match(self._text, match.start())
            if specifier is None or (specifier["form"] == "%" and len(specifier[0]) > 2):
                raise failure("invalidQuery", f'Invalid FORMAT string: "{self._text}"')
            yield text(self._text[place : match.start()])
            yield text("%") if specifier["form"] == "%" else self._written(specifier)
            place = specifier.end()
        yield text(self._text[place:])
        if self._taken < len(self._arguments):
            self._refuse_count("many")

    def _written(self, specifier: re.Match[str]) -> exp.Expr:
        form = specifier["form"]
        if form not in _INTEGERS + _FLOATS + _TEXTS + "s":
            message = f'Invalid format specifier character "{form}" in FORMAT string: "{self._text}"'
            raise failure("invalidQuery", message)
        layout = [
            text(specifier["flags"]),
            self._count(specifier["width"]),
            self._count((specifier["precision"] or ".-1")[1:]),
        ]
        if form in _TEXTS:
            return call("bq_pad", *layout, call("bq_written", text(form), self._take()))
        if form == "s":
            return call("bq_pad", *layout, cast(self._take("STRING"), "VARCHAR"))
        if form in _INTEGERS:
            return call("bq_format_integer", *layout, text(form), cast(self._take("INT64"), "BIGINT"))
        value = self._take("FLOAT64", "NUMERIC")
        if self._types.of(value) not in DECIMALS:
            return call("bq_format_float", *layout, text(form), cast(value, "DOUBLE"))
        if form in "gG":
            raise unsupported("FORMAT of a NUMERIC by %g")
        return call("bq_format_numeric", *layout, text(form), value)

    def _count(self, written: str) -> exp.Expr:
        return cast(self._take("INT64"), "BIGINT") if written == "*" else number(int(written or "0"))

    def _take(self, *kinds: str) -> exp.Expr:
        """Return the next argument, which must be of one of the types, if there are any."""
        if self._taken == len(self._arguments):
            self._refuse_count("few")
        value = self._arguments[self._taken]
        self._taken += 1
        given = googlesql_name(self._types.of(value))
        if kinds and given not in (*kinds, None) and not isinstance(value, exp.Null):
            place = f"argument {self._taken + 1} to FORMAT"
            message = f"Invalid type for {place}; Expected {kinds[0]}; Got {given}"
            raise failure("invalidQuery", message)
        return value

    def _refuse_count(self, what: str) -> NoReturn:
        given = len(self._arguments) + 1
        raise failure(
            "invalidQuery", f'Too {what} arguments to FORMAT for pattern "{self._text}"; Got {given}'
        )


TRANSLATIONS: dict[type[exp.Expr], Translation] = {exp.Format: _format}
