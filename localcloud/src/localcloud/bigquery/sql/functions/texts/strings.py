"""Functions of STRING and BYTES, and hashes."""

from __future__ import annotations

import string

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.functions.nodes import Translation, arguments, call, cast, renamed, text
from localcloud.bigquery.sql.functions.types import BINARIES, TEXTS, UNKNOWN, Types

# Sources: https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions and hash_functions
# next to it
MACROS = r"""
CREATE TEMP MACRO bq_start(length, p) AS CASE WHEN p = 0 THEN 1
    WHEN p < 0 THEN greatest(length + greatest(p, -1 - length) + 1, 1) ELSE least(p, length + 1) END;
CREATE TEMP MACRO bq_count(s, n, name) AS CASE
    WHEN n < 0 THEN bq_fail(concat(name, ' cannot be negative')) WHEN n IS NULL THEN NULL
    ELSE least(n, length(s)) END;
CREATE TEMP MACRO bq_substr(s, p) AS substr(s, bq_start(length(s), p)),
    (s, p, n) AS substr(s, bq_start(length(s), p), bq_count(s, n, 'Third argument in SUBSTR()'));
CREATE TEMP MACRO bq_left(s, n) AS left(s, bq_count(s, n, 'Second argument in LEFT()'));
CREATE TEMP MACRO bq_right(s, n) AS right(s, bq_count(s, n, 'Second argument in RIGHT()'));
CREATE TEMP MACRO bq_case_upper(s) AS CASE WHEN strlen(s) = length(s) THEN upper(s) ELSE bq_upper(s) END;
CREATE TEMP MACRO bq_case_lower(s) AS CASE WHEN strlen(s) = length(s) THEN lower(s) ELSE bq_lower(s) END;
CREATE TEMP MACRO bq_join(l, separator) AS CASE WHEN l IS NOT NULL AND separator IS NOT NULL THEN
    coalesce(array_to_string(list_filter(l, lambda v: v IS NOT NULL), separator), '') END,
    (l, separator, missing) AS CASE WHEN l IS NOT NULL AND separator IS NOT NULL THEN
    coalesce(array_to_string(list_transform(l, lambda v: coalesce(v, missing)), separator), '') END;
CREATE TEMP MACRO bq_unicode(s) AS CASE WHEN s = '' THEN 0 ELSE unicode(s) END;
CREATE TEMP MACRO bq_repeat(s, n) AS
    repeat(s, CASE WHEN n < 0 THEN bq_fail('Second argument in REPEAT must be non-negative') ELSE n END);
CREATE TEMP MACRO bq_length(n) AS CAST(CASE WHEN n < 0
    THEN bq_fail('Second argument (output size) for LPAD/RPAD cannot be negative') ELSE n END AS INTEGER);
CREATE TEMP MACRO bq_translate(s, source, target) AS CASE
    WHEN len(list_distinct(string_split(source, ''))) < length(source)
    THEN CAST(bq_fail('Duplicate character in TRANSLATE source characters') AS VARCHAR)
    ELSE translate(s, source, target) END;
"""
# what TRIM takes away when it is not told what
_WHITE_SPACE = " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_TRIMS = {"LEADING": "ltrim", "TRAILING": "rtrim"}


def _concatenate(node: exp.Concat, types: Types) -> exp.Expr:
    """Join with ``||``, for which NULL makes all NULL."""
    first, *others = arguments(node, "expressions")
    joined = first.copy()
    for other in others:
        joined = exp.DPipe(this=joined, expression=exp.paren(other.copy()))
    return exp.paren(joined) if types.of(first) in BINARIES else cast(exp.paren(joined), "VARCHAR")


def _trim(node: exp.Trim, types: Types) -> exp.Expr:
    value, *characters = arguments(node, "this", "expression")
    return call(
        _TRIMS.get(node.args.get("position") or "", "trim"), value, *(characters or [text(_WHITE_SPACE)])
    )


def _length(node: exp.Length, types: Types) -> exp.Expr:
    (value,) = arguments(node, "this")
    return call("octet_length" if types.of(value) in BINARIES else "length", value)


def _byte_length(node: exp.Expr, types: Types) -> exp.Expr:
    return call("octet_length" if types.of(node.this) in BINARIES else "strlen", node.this)


def _as_bytes(node: exp.Expr, types: Types) -> exp.Expr:
    return node if types.of(node) in BINARIES else call("encode", node)


def _hash(name: str) -> Translation:
    return lambda node, types: call(name, _as_bytes(_hashed(node), types))


def _hashed(node: exp.Expr) -> exp.Expr:
    (value,) = arguments(node, "this", "expressions")
    return value


def _sha2(node: exp.SHA2Digest, types: Types) -> exp.Expr:
    length = node.args.get("length")
    bits = length.find(exp.Literal).name if length else "256"
    return call(f"bq_sha{bits}", _as_bytes(node.this, types))


def _pad(node: exp.Pad, types: Types) -> exp.Expr:
    given = arguments(node, "this", "expression", "fill_pattern")
    value, length, *fill = given
    return call(
        "lpad" if node.args.get("is_left") else "rpad",
        value,
        call("bq_length", length),
        *(fill or [text(" ")]),
    )


def of_bytes(translate: Translation, gives_bytes: bool = True) -> Translation:
    """Apply a function of STRING to the bytes of BYTES, as characters of Latin-1."""

    def translated(node: exp.Func, types: Types) -> exp.Expr | None:
        given = [(key, part) for key, part in node.args.items() if isinstance(part, exp.Expr)]
        if types.of(node.this) not in BINARIES:
            return translate(node, types)
        held = node.copy()
        for key, part in given:
            if types.of(part) in BINARIES:
                held.set(key, call("bq_latin", part))
        if isinstance(node, exp.Trim) and node.expression is None:
            raise failure(
                "invalidQuery", "No matching signature for TRIM of BYTES without the bytes to remove"
            )
        found = translate(held, types) or held
        if isinstance(node, exp.Split):
            part = exp.to_identifier("part")
            each = exp.Lambda(this=call("bq_bytes", exp.column(part.copy())), expressions=[part])
            return call("list_transform", found, each)
        return call("bq_bytes", found) if gives_bytes else found

    return translated


def _in_ascii(name: str, source: str, target: str) -> Translation:
    """Return the translation of UPPER or LOWER, which change the ASCII letters of BYTES alone."""

    def translate(node: exp.Func, types: Types) -> exp.Expr:
        if types.of(node.this) in BINARIES:
            return call(
                "bq_bytes", call("translate", call("bq_latin", node.this), text(source), text(target))
            )
        return call(name, node.this)

    return translate


def _ascii(node: exp.Ascii, types: Types) -> exp.Expr:
    if types.of(node.this) in BINARIES:
        return call("bq_unicode", call("bq_latin", node.this))
    return call("bq_ascii", node.this)


def _codes(node: exp.ToCodePoints, types: Types) -> exp.Expr:
    (value,) = arguments(node, "this")
    return call("bq_codes", call("bq_latin", value) if types.of(value) in BINARIES else value)


def _normalize(node: exp.Normalize, types: Types) -> exp.Expr:
    form = node.args.get("form")
    casefold = bool(node.args.get("is_casefold"))
    return call(
        "bq_normalize", node.this, text(form.name.upper() if form else "NFC"), exp.Boolean(this=casefold)
    )


def _join_array(node: exp.ArrayToString, types: Types) -> exp.Expr:
    element = types.element_of(node.this)
    if element in BINARIES:
        raise unsupported("ARRAY_TO_STRING of BYTES")
    if element not in TEXTS | UNKNOWN and not isinstance(node.this, exp.Null):
        message = "No matching signature for function ARRAY_TO_STRING: it takes an array of STRING or BYTES"
        raise failure("invalidQuery", message)
    return call("bq_join", *arguments(node, "this", "expression", "null"))


TRANSLATIONS: dict[type[exp.Expr], Translation] = {
    exp.Upper: _in_ascii("bq_case_upper", string.ascii_lowercase, string.ascii_uppercase),
    exp.Lower: _in_ascii("bq_case_lower", string.ascii_uppercase, string.ascii_lowercase),
    exp.Concat: _concatenate,
    exp.Trim: of_bytes(_trim),
    exp.Length: _length,
    exp.ByteLength: _byte_length,
    exp.Substring: of_bytes(renamed("bq_substr", "this", "start", "length")),
    exp.Left: of_bytes(renamed("bq_left", "this", "expression")),
    exp.Right: of_bytes(renamed("bq_right", "this", "expression")),
    exp.Replace: of_bytes(renamed("replace", "this", "expression", "replacement")),
    exp.StartsWith: of_bytes(renamed("starts_with", "this", "expression"), gives_bytes=False),
    exp.EndsWith: of_bytes(renamed("ends_with", "this", "expression"), gives_bytes=False),
    exp.Split: of_bytes(renamed("string_split", "this", "expression")),
    exp.ArrayToString: _join_array,
    exp.Pad: of_bytes(_pad),
    exp.Reverse: of_bytes(renamed("bq_reverse", "this")),
    exp.Repeat: of_bytes(renamed("bq_repeat", "this", "times")),
    exp.Translate: of_bytes(renamed("bq_translate", "this", "from_", "to")),
    exp.Ascii: _ascii,
    exp.MD5: _hash("bq_md5_text"),
    exp.MD5Digest: _hash("bq_md5"),
    exp.SHA1Digest: _hash("bq_sha1"),
    exp.SHA2Digest: _sha2,
    exp.LowerHex: lambda node, types: call("lower", call("hex", node.this)),
    exp.Unhex: renamed("unhex", "this"),
    exp.ToBase64: renamed("to_base64", "this"),
    exp.FromBase64: renamed("from_base64", "this"),
    exp.FarmFingerprint: _hash("bq_farm_fingerprint"),
    exp.Initcap: renamed("bq_initcap", "this", "expression"),
    exp.Chr: renamed("bq_chr", "expressions"),
    exp.Unicode: lambda node, types: call("bq_unicode", node.this),
    exp.ToCodePoints: _codes,
    exp.CodePointsToString: renamed("bq_from_codes", "this"),
    exp.CodePointsToBytes: renamed("bq_bytes_from_codes", "this"),
    exp.SafeConvertBytesToString: renamed("bq_valid", "this"),
    exp.Normalize: _normalize,
    exp.Soundex: renamed("bq_soundex", "this"),
    exp.Levenshtein: renamed("bq_distance", "this", "expression"),
    exp.ToBase32: renamed("bq_to_base32", "this"),
    exp.FromBase32: renamed("bq_from_base32", "this"),
    exp.ParseNumeric: renamed("bq_parse_numeric", "this"),
    exp.Uuid: lambda node, types: cast(call("uuid"), "VARCHAR"),
}
