"""Regular expressions and the places of texts."""

from __future__ import annotations

import re

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.functions.native.matches import may_be_empty, to_python
from localcloud.bigquery.sql.functions.nodes import Translation, arguments, call, cast, number, text, written
from localcloud.bigquery.sql.functions.texts.strings import of_bytes
from localcloud.bigquery.sql.functions.types import BINARIES, Types

# DuckDB's regular expressions are RE2's, as BigQuery's are.
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#regexp_instr and the
# functions next to it
MACROS = r"""
CREATE TEMP MACRO bq_first(n, argument) AS CASE WHEN n <= 0
    THEN bq_fail(concat('The ', argument, ' must be positive: ', n)) ELSE n END;
CREATE TEMP MACRO bq_regexp_extract(s, p, g) AS list_extract(regexp_extract_all(s, p, g), 1);
CREATE TEMP MACRO bq_rewrite(r, groups) AS CASE
    WHEN NOT regexp_full_match(r, '(?s)(?:[^\\]|\\[0-9\\])*')
    THEN CAST(bq_fail('Invalid REGEXP_REPLACE pattern: ' ||
        'a backslash must be followed by a digit or a backslash') AS VARCHAR)
    WHEN list_max(list_transform(regexp_extract_all(replace(r, '\\\\', ''), '\\([0-9])', 1),
        lambda digit: CAST(digit AS BIGINT))) > groups
    THEN CAST(bq_fail('Invalid REGEXP_REPLACE pattern: it names a group that is not there') AS VARCHAR)
    ELSE r END;
CREATE TEMP MACRO bq_texts(found) AS list_transform(found, lambda t: coalesce(t, ''));
CREATE TEMP MACRO bq_after(s, start) AS CASE WHEN start > length(s) AND (s <> '' OR start > 1) THEN NULL
    ELSE substr(s, bq_first(start, 'position')) END;
CREATE TEMP MACRO bq_nth(found, n) AS list_extract(found, bq_first(n, 'occurrence'));
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
    found = _all_of(node, call("bq_after", node.this, position), pattern)
    return call("bq_nth", found, occurrence or number(1))


def _all_of(node: exp.Func, value: exp.Expr, pattern: exp.Expr) -> exp.Expr:
    """
    List the matches of a pattern, or of its group.

    :raises ApiError: 501 for a pattern that may match no text, unless it is plain.
    """
    group = number(_groups(pattern.name))
    if not may_be_empty(pattern.name):
        return call("regexp_extract_all", value, pattern, group)
    plain = to_python(pattern.name)
    if plain is None:
        raise unsupported(f"{written(node)} with matches of no text ({pattern.name})")
    return call("bq_matches", value, text(plain), group)


def _extract_all(node: exp.RegexpExtractAll, types: Types) -> exp.Expr:
    _refuse_bytes(node, types)
    value, *_ = arguments(node, "this", "expression", "group")
    pattern = _pattern(node)
    return call("bq_texts", _all_of(node, value, pattern))


def _instr(node: exp.RegexpInstr, types: Types) -> exp.Expr:
    """Find a match by what stands before it, which a group of its own takes in."""
    _refuse_bytes(node, types)
    pattern = _pattern(node)
    if not pattern.name:
        # no match of an empty pattern is counted
        return call("bq_regexp_instr", node.this, text("[^\\s\\S]"), *_instr_places(node))
    if _groups(pattern.name) or may_be_empty(pattern.name):
        raise unsupported(f"REGEXP_INSTR with a group or of an empty match ({pattern.name})")
    _refuse_looking_back(node, pattern, node.args.get("position") or number(1))
    return call("bq_regexp_instr", node.this, pattern, *_instr_places(node))


def _instr_places(node: exp.RegexpInstr) -> list[exp.Expr]:
    defaults = (("position", 1), ("occurrence", 1), ("option", 0))
    return [node.args.get(key) or number(default) for key, default in defaults]


def _replace(node: exp.RegexpReplace, types: Types) -> exp.Expr:
    _refuse_bytes(node, types)
    value, pattern, replacement = arguments(node, "this", "expression", "replacement")
    if isinstance(pattern, exp.Literal | exp.RawString):
        groups = _groups(pattern.name)
    elif isinstance(replacement, exp.Literal | exp.RawString) and not re.search(r"\\[1-9]", replacement.name):
        groups = 0
    else:
        raise unsupported(f"{written(node)} with groups in a pattern that is not a literal")
    return call("regexp_replace", value, pattern, call("bq_rewrite", replacement, number(groups)), text("g"))


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
