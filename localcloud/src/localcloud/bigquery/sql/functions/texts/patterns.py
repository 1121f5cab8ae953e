"""Regular expressions and the places of texts."""

from __future__ import annotations

import re

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.functions.nodes import Translation, arguments, call, cast, number, text, written
from localcloud.bigquery.sql.functions.texts.strings import of_bytes
from localcloud.bigquery.sql.functions.types import BINARIES, Types

# DuckDB's regular expressions are RE2's, as BigQuery's are.
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#regexp_instr and the
# functions next to it
MACROS = r"""
CREATE TEMP MACRO bq_first(n, argument) AS CASE WHEN n <= 0
    THEN bq_fail(concat('The ', argument, ' must be positive: ', n)) ELSE n END;
CREATE TEMP MACRO bq_regexp_extract(s, p, g) AS
    CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END;
CREATE TEMP MACRO bq_regexp_extract_from(s, p, g, start, n) AS
    CASE WHEN start > length(s) + 1 THEN NULL ELSE list_extract(
    regexp_extract_all(substr(s, bq_first(start, 'position')), p, g), bq_first(n, 'occurrence')) END;
CREATE TEMP MACRO bq_length_of(texts) AS
    coalesce(list_sum(list_transform(texts, lambda t: length(t))), 0);
CREATE TEMP MACRO bq_found(gaps, matches, start, n, after) AS CASE WHEN n > len(matches) THEN 0
    WHEN after = 0 THEN start + bq_length_of(list_slice(matches, 1, n - 1)) + length(list_extract(gaps, n))
    WHEN after = 1 THEN start + bq_length_of(list_slice(matches, 1, n))
    ELSE bq_fail('The occurrence_position of REGEXP_INSTR must be 0 or 1') END;
CREATE TEMP MACRO bq_regexp_instr(s, p, start, n, after) AS
    CASE WHEN s IS NULL OR p IS NULL OR start IS NULL OR n IS NULL OR after IS NULL THEN NULL
    WHEN s = '' OR start > length(s) THEN 0 ELSE CAST(bq_found(
        regexp_extract_all(substr(s, bq_first(start, 'position')), '(?s:(.*?))(?:' || p || ')', 1),
        regexp_extract_all(substr(s, start), '(?s:(.*?))(?:' || p || ')', 0),
        start, bq_first(n, 'occurrence'), after) AS BIGINT) END;
"""
# what looks at the text before the position, which is cut off
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]])*\]")
_LOOKS_BACK = re.compile(r"\^|\\[AbB]")


def _pattern(node: exp.Expr) -> exp.Expr:
    """
    Return the pattern of a function that extracts.

    :raises ApiError: 400 for several groups, 501 for a pattern that is not a literal, whose groups
        are not known.
    """
    pattern: exp.Expr = node.args["expression"]
    if not isinstance(pattern, exp.Literal | exp.RawString):
        raise unsupported(f"{written(node)} with a pattern that is not a literal")
    if _groups(pattern.name) > 1:
        message = (
            "Regular expressions passed into extraction functions must not have more than 1 capturing group"
        )
        raise failure("invalidQuery", message)
    return pattern


def _groups(pattern: str) -> int:
    without_escapes = re.sub(r"\\.|\[[^\]]*\]", "", pattern)
    return len(re.findall(r"\((?!\?)|\(\?P?<", without_escapes))


def _refuse_bytes(node: exp.Expr, types: Types) -> None:
    if BINARIES & {types.of(node.this), types.of(node.args["expression"])}:
        raise unsupported(f"{written(node)} of BYTES")


def _refuse_looking_back(node: exp.Expr, pattern: exp.Expr, position: exp.Expr) -> None:
    at_start = position.sql("duckdb") in ("1", "CAST(1 AS BIGINT)")
    if not at_start and _LOOKS_BACK.search(re.sub(_CLASS, "", pattern.name)):
        raise unsupported(f"{written(node)} from a position with the pattern {pattern.name}")


def _contains(node: exp.RegexpLike, types: Types) -> None:
    _refuse_bytes(node, types)


def _extract(node: exp.RegexpExtract, types: Types) -> exp.Expr:
    _refuse_bytes(node, types)
    pattern = _pattern(node)
    group = number(_groups(pattern.name))
    position, occurrence = node.args.get("position"), node.args.get("occurrence")
    if position is None:
        return call("bq_regexp_extract", node.this, pattern, group)
    _refuse_looking_back(node, pattern, position)
    return call("bq_regexp_extract_from", node.this, pattern, group, position, occurrence or number(1))


def _extract_all(node: exp.RegexpExtractAll, types: Types) -> exp.Expr:
    _refuse_bytes(node, types)
    value, *_ = arguments(node, "this", "expression", "group")
    pattern = _pattern(node)
    return call("regexp_extract_all", value, pattern, number(_groups(pattern.name)))


def _instr(node: exp.RegexpInstr, types: Types) -> exp.Expr:
    """Find a match by what stands before it, which a group of its own takes in."""
    _refuse_bytes(node, types)
    pattern = _pattern(node)
    if _groups(pattern.name) or re.fullmatch(pattern.name or ".", ""):
        raise unsupported(f"REGEXP_INSTR with a group or of an empty match ({pattern.name})")
    position, occurrence, after = (node.args.get(key) for key in ("position", "occurrence", "option"))
    _refuse_looking_back(node, pattern, position or number(1))
    given = [
        part or default
        for part, default in ((position, number(1)), (occurrence, number(1)), (after, number(0)))
    ]
    return call("bq_regexp_instr", node.this, pattern, *given)


def _replace(node: exp.RegexpReplace, types: Types) -> exp.Expr:
    _refuse_bytes(node, types)
    given = arguments(node, "this", "expression", "replacement")
    pattern, replacement = given[1:]
    if isinstance(replacement, exp.Literal | exp.RawString):
        references = [int(digit) for digit in re.findall(r"\\(\d)", replacement.name)]
        known = (
            _groups(pattern.name)
            if isinstance(pattern, exp.Literal | exp.RawString)
            else max(references, default=0)
        )
        if max(references, default=0) > known:
            raise failure(
                "invalidQuery", f"Invalid REGEXP_REPLACE pattern: \\{max(references)} names no group"
            )
    return call("regexp_replace", *given, text("g"))


def _place(node: exp.StrPosition, types: Types) -> exp.Expr:
    value, part, *rest = arguments(node, "this", "substr", "position", "occurrence")
    if not rest:
        return call("strpos", value, part)
    position, *occurrence = (cast(count, "BIGINT") for count in rest)
    return call("bq_instr", value, part, position, *(occurrence or [number(1)]))


TRANSLATIONS: dict[type[exp.Expr], Translation] = {
    exp.RegexpLike: _contains,
    exp.RegexpExtract: _extract,
    exp.RegexpExtractAll: _extract_all,
    exp.RegexpInstr: _instr,
    exp.RegexpReplace: _replace,
    exp.StrPosition: of_bytes(_place, gives_bytes=False),
}
