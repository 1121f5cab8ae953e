"""STRING, BYTES, hashes, JSON: https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions."""

from __future__ import annotations

import pytest

from localcloud.errors import ApiError

DOCUMENT = """'{"a": {"b": "x"}, "n": 1, "none": null}'"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("LEFT(b'\\xab\\xcd\\xef', 2)", "q80="),
        ("RIGHT(b'abc', 2)", "YmM="),
        ("SUBSTR(b'apple', 2, 2)", "cHA="),
        ("LPAD(b'abc', 5)", "ICBhYmM="),
        ("RPAD(b'abc', 5, b'-')", "YWJjLS0="),
        ("TRIM(b'xaax', b'x')", "YWE="),
        ("REVERSE(b'\\x00\\xff')", "/wA="),
        ("REPLACE(b'abc', b'b', b'x')", "YXhj"),
        ("SPLIT(b'a-b', b'-')", ["YQ==", "Yg=="]),
        ("STRPOS(b'abc', b'c')", "3"),
        ("UPPER(b'a\\xe9')", "Qek="),
        ("STARTS_WITH(b'ab', b'a')", "true"),
        # characters, not grapheme clusters
        ("REVERSE('e\\u0301x') = 'x\\u0301e'", "true"),
        ("ARRAY_TO_STRING(['a', 'b'], NULL)", None),
        ("CONCAT('a', 'b')", "ab"),
        ("CONCAT('a', NULL)", None),
        ("SUBSTR('abc', 0, 2)", "ab"),
        ("SUBSTR('abc', -2)", "bc"),
        ("SUBSTR('abc', -5, 3)", "abc"),
        ("LEFT('abc', 2)", "ab"),
        ("RIGHT('abc', 2)", "bc"),
        (r"TRIM('  a\t\n')", "a"),
        ("LTRIM('xxa', 'x')", "a"),
        ("LENGTH('é')", "1"),
        ("LENGTH(b'abc')", "3"),
        ("BYTE_LENGTH('é')", "2"),
        ("LPAD('a', 3)", "  a"),
        ("RPAD('a', 3, 'xy')", "axy"),
        ("STRPOS('abc', 'c')", "3"),
        ("REVERSE('abc')", "cba"),
        ("SPLIT('a,b')", ["a", "b"]),
        ("REGEXP_EXTRACT('abc', r'b')", "b"),
        ("REGEXP_EXTRACT('abc', r'a(.)')", "b"),
        ("REGEXP_EXTRACT('abc', r'x')", None),
        (r"REGEXP_EXTRACT_ALL('a1b2', r'\d')", ["1", "2"]),
        ("REGEXP_REPLACE('aab', 'a', 'x')", "xxb"),
        (r"REGEXP_REPLACE('ab', r'(a)', r'\1\1')", "aab"),
        ("REGEXP_CONTAINS('abc', '^a')", "true"),
        ("SAFE.SUBSTR('abc', 1, -1)", None),
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#instr
        ("INSTR('banana', 'an', 1, 2)", "4"),
        ("INSTR('banana', 'an', 3)", "4"),
        ("INSTR('banana', 'an', -1)", "4"),
        ("INSTR('banana', 'an', -3)", "4"),
        ("INSTR('banana', 'an', -4)", "2"),
        ("INSTR('banana', 'ann', 1)", "0"),
        ("INSTR('helloooo', 'oo', 1, 2)", "6"),
        ("INSTR('helloooo', 'oo', -1, 2)", "6"),
        ("INSTR('banana', 'a', 9)", "0"),
        ("INSTR(NULL, 'a', 1)", None),
        (r"INSTR(b'a\xe9b', b'b', 1)", "3"),
        # .../string_functions#regexp_instr
        ("REGEXP_INSTR('ab@cd-ef', '@[^-]*')", "3"),
        ("REGEXP_INSTR('abc-ef', '@[^-]*')", "0"),
        ("REGEXP_INSTR('a@cd-ef b@cd-ef', '@[^-]*', 1, 2)", "10"),
        ("REGEXP_INSTR('a@cd-ef', '@..', 1, 1, 0)", "2"),
        ("REGEXP_INSTR('a@cd-ef', '@..', 1, 1, 1)", "5"),
        ("REGEXP_INSTR('a@cd-ef b@cd', '@..', 3)", "10"),
        (r"REGEXP_INSTR('é\nxx', '(?i)X')", "3"),
        ("REGEXP_INSTR(NULL, 'a')", None),
        # .../string_functions#regexp_extract
        ("REGEXP_EXTRACT('Hello Helloo and Hellooo', 'H?ello+', 1, 2)", "Helloo"),
        ("REGEXP_EXTRACT('Hello Helloo and Hellooo', 'H?ello+', 2, 1)", "ello"),
        ("REGEXP_EXTRACT('Hello Helloo and Hellooo', 'H?ello+', 3, 3)", None),
        ("REGEXP_SUBSTR('Hello World Helloo', 'H?ello+', 1, 2)", "Helloo"),
        ("REGEXP_EXTRACT('cat', '.at', 100)", None),
        ("INITCAP('hello WORLD-everyone')", "Hello World-Everyone"),
        ("INITCAP('tHisEisEaESentence', 'E')", "ThisEIsEAESentence"),
        ("CHR(1024)", "Ѐ"),
        ("LENGTH(CHR(0))", "1"),
        ("CHR(0) = '\\000'", "true"),
        ("LENGTH(CODE_POINTS_TO_STRING([97, 0, 98]))", "3"),
        ("UNICODE('')", "0"),
        ("TO_CODE_POINTS('aé')", ["97", "233"]),
        (r"TO_CODE_POINTS(b'a\xff')", ["97", "255"]),
        ("CODE_POINTS_TO_STRING([65, 255])", "Aÿ"),
        ("CODE_POINTS_TO_BYTES([65, 255])", "Qf8="),
        (r"SAFE_CONVERT_BYTES_TO_STRING(b'\xc2')", "\ufffd"),
        (r"NORMALIZE('e\u0302') = '\u00ea'", "true"),
        ("NORMALIZE_AND_CASEFOLD('The Red Barn') = NORMALIZE_AND_CASEFOLD('The red barn')", "true"),
        ("SOUNDEX('Ashcraft')", "A261"),
        # zetasql/compliance/functions_testlib_string_1.cc of https://github.com/google/zetasql
        ("SOUNDEX('a')", "a000"),
        ("SOUNDEX(' kcABl')", "k140"),
        ("EDIT_DISTANCE('kitten', 'sitting')", "3"),
        (r"TO_BASE32(b'abcde\xFF')", "MFRGGZDF74======"),
        ("FROM_BASE32('MFRGGZDF74======')", "YWJjZGX/"),
        ("b'ab' LIKE b'a%'", "true"),
        ("TO_HEX(MD5('a'))", "0cc175b9c0f1b6a831c399e269772661"),
        ("MD5('a')", "DMF1ucDxtqgxw5niaXcmYQ=="),
        ("TO_HEX(SHA1('a'))", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("TO_HEX(SHA256('a'))", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("TO_BASE64(b'abc')", "YWJj"),
        ("FROM_HEX('6162')", "YWI="),
        (f"JSON_VALUE({DOCUMENT}, '$.a.b')", "x"),
        (f"JSON_VALUE({DOCUMENT}, '$.a')", None),
        (f"JSON_VALUE({DOCUMENT}, '$.none')", None),
        (f"JSON_EXTRACT_SCALAR({DOCUMENT}, '$.n')", "1"),
        (f"JSON_QUERY({DOCUMENT}, '$.a')", '{"b":"x"}'),
        ("JSON_VALUE('no json', '$.a')", None),
    ],
)
def test_a_function_of_text(answer, expression: str, value: object) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    ("text", "fingerprint"),
    [
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/hash_functions#farm_fingerprint
        ("1footrue", "-1541654101129638711"),
        ("2applefalse", "2794438866806483259"),
        ("3true", "-4880158226897771312"),
        # computed with pyfarmhash 0.5.1, a binding of the reference implementation; one of each length class
        ("", "-7286425919675154353"),
        ("wine", "-2391642977718938477"),
        ("white wine", "7181180372381406488"),
        ("red and white wines x", "-4697508995218911793"),
        ("a white wine from Vinho Verde, north", "-5315395424191108658"),
        ("0123456789" * 10, "5075634454939960746"),
        ("0123456789" * 40, "-1146416295094311553"),
    ],
)
def test_a_fingerprint_is_that_of_farmhash(answer, text: str, fingerprint: str) -> None:
    assert answer(f"SELECT FARM_FINGERPRINT('{text}')") == [fingerprint]


@pytest.mark.parametrize(
    ("expression", "code", "complaint"),
    [
        ("SUBSTR('abc', 1, -1)", 400, r"Third argument in SUBSTR\(\) cannot be negative"),
        ("REGEXP_EXTRACT('abc', '(a)(b)')", 400, "more than 1 capturing group"),
        ("'a' || 1", 400, "No matching signature for operator ||"),
        ("REGEXP_EXTRACT('abc', r'^b', 2)", 501, "REGEXP_EXTRACT from a position with the pattern"),
        ("REGEXP_INSTR('abc', r'a(b)')", 501, "REGEXP_INSTR with a group"),
        ("REGEXP_CONTAINS(b'a', b'a')", 501, "does not support REGEXP_CONTAINS of BYTES"),
        ("FORMAT('%g', NUMERIC '1')", 501, "does not support FORMAT of a NUMERIC by %g"),
        ("FORMAT(x, 1) FROM UNNEST(['%d']) AS x", 501, "FORMAT with a pattern that is not a literal"),
        ("COLLATE('a', 'und:ci')", 501, "does not support the function COLLATE"),
        ("ST_GEOGPOINT(1, 2)", 501, "does not support the function ST_GEOGPOINT"),
        ("SAFE.ST_X(1)", 501, r"does not support the function SAFE\.ST_X"),
        ("HLL_COUNT.INIT(1)", 501, r"does not support the function HLL_COUNT\.INIT"),
        ("NET.HOST('http://a.b')", 501, r"does not support the function NET\.HOST"),
        ("p.d.half(1)", 501, r"does not support the function p\.d\.half"),
        ("JSON '{}'", 501, "does not support the type JSON"),
        ("PARSE_JSON('{}')", 501, "does not support the function PARSE_JSON"),
        ("TO_JSON(1)", 501, "does not support the function TO_JSON"),
    ],
)
def test_what_is_not_served_is_named_as_it_is_written(
    answer, expression: str, code: int, complaint: str
) -> None:
    with pytest.raises(ApiError, match=complaint) as error:
        answer(f"SELECT {expression}")
    assert error.value.code == code


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("REPEAT('a', -1)", "REPEAT must be non-negative"),
        ("LPAD('a', -1)", "cannot be negative"),
        ("TRANSLATE('abc', 'aa', 'xy')", "Duplicate character in TRANSLATE"),
        ("REGEXP_REPLACE('a', 'a', r'\\1')", "Invalid REGEXP_REPLACE pattern"),
        ("TRIM(b' a ')", "No matching signature for TRIM"),
        ("INSTR('a', 'a', 0)", "Position must not be 0"),
        ("INSTR('a', 'a', 1, 0)", "Occurrence must be positive"),
        ("REGEXP_INSTR('a', 'a', 0)", "position must be positive"),
        ("REGEXP_INSTR('a', 'a', 1, 0)", "occurrence must be positive"),
        ("REGEXP_INSTR('a', 'a', 1, 1, 2)", "must be 0 or 1"),
        ("REGEXP_INSTR('a', '(a)(b)')", "more than 1 capturing group"),
        ("REGEXP_EXTRACT('a', 'a', 0)", "position must be positive"),
        ("CHR(-1)", "Invalid codepoint -1"),
        ("CODE_POINTS_TO_BYTES([256])", "Invalid extended ASCII code points 256"),
        ("'a' LIKE 'a\\\\'", "LIKE pattern ends with a backslash"),
        ("ARRAY_TO_STRING([1], ',')", "No matching signature for function ARRAY_TO_STRING"),
    ],
)
def test_what_has_no_text_is_an_error(answer, expression: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        answer(f"SELECT {expression}")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # functions_testlib_regex.cc and regexp.cc of https://github.com/google/zetasql: no match at the end
        # of a text follows one that reaches it, and a group that takes no part is NULL
        ("REGEXP_EXTRACT_ALL('aabca', 'a*')", ["aa", "", "", "a"]),
        ("REGEXP_EXTRACT_ALL('baac', 'a*')", ["", "aa", ""]),
        ("REGEXP_EXTRACT_ALL('', 'a*')", [""]),
        ("REGEXP_EXTRACT_ALL('ab', 'a|$')", ["a", ""]),
        ("REGEXP_EXTRACT_ALL('abc', '$')", [""]),
        (r"REGEXP_EXTRACT_ALL('one two', r'\b')", ["", "", "", ""]),
        ("REGEXP_EXTRACT_ALL('aabc', 'aa|$')", ["aa", ""]),
        (r"REGEXP_EXTRACT_ALL('a b', r'\s?')", ["", " ", ""]),
        ("REGEXP_EXTRACT_ALL('this_is__a', '(.*?)(?:_|$)')", ["this", "is", "", "a"]),
        ("REGEXP_EXTRACT_ALL('', '(abc)?')", [""]),
        ("REGEXP_EXTRACT('', '(abc)?')", None),
        ("REGEXP_EXTRACT('', '()')", ""),
        ("REGEXP_SUBSTR('aaa', 'a*', 2, 2)", None),
        ("REGEXP_INSTR('abcdef', '')", "0"),
        (r"REGEXP_REPLACE('ab', '(a)', r'\\\1\0')", "\\aab"),
        # functions_testlib_string*.cc
        ("INSTR('xx', '', -1, 3)", "1"),
        ("INSTR('x', '', 3)", "0"),
        (r"INSTR('\x00abc', 'abc', 1)", "2"),
        (r"LENGTH('a\x00b')", "3"),
        ("ASCII(b'\\xd0')", "208"),
        ("TRANSLATE(b'abc', b'ab', b'x')", "eGM="),
        ("LEFT('abc', 9223372036854775807)", "abc"),
        ("SUBSTR('abc', 9223372036854775807, 9223372036854775807)", ""),
        ("SUBSTR('abc', -9223372036854775808, 1)", "a"),
        ("UPPER('ß ﬁ')", "SS FI"),
        ("LOWER('ΑΣ')", "ας"),
        ("SAFE_CONVERT_BYTES_TO_STRING(b'\\xe2\\x82(')", "\ufffd\ufffd("),
    ],
)
def test_a_function_at_its_edges(answer, expression: str, value: object) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("ASCII('ä')", "ASCII character"),
        (r"REGEXP_REPLACE('', '', r'\x')", "must be followed by a digit or a backslash"),
        (r"REGEXP_REPLACE('abc', 'abc', r'\2')", "names a group that is not there"),
        (r"REGEXP_EXTRACT_ALL('a', r'\pL*')", r"with matches of no text \(\\pL\*\)"),
        (r"REGEXP_REPLACE('abc', LOWER('A'), r'\1')", "groups in a pattern that is not a literal"),
    ],
)
def test_a_function_beyond_its_edges_is_an_error(answer, expression: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        answer(f"SELECT {expression}")
