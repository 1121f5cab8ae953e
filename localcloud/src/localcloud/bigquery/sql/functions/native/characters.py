"""Characters, code points and places in texts."""

from __future__ import annotations

import base64
import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions

_SOUNDS = {
    letter: digit
    for digit, letters in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), start=1)
    for letter in letters
}
_NUMERIC = re.compile(r"\s*([+-]?)\s*(\d[\d,]*(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*([+-]?)\s*")


def instr(value: str, part: str, position: int, occurrence: int) -> int:
    """
    Return where an occurrence of a text starts, counted from 1; 0 if there is none.

    :param position: where to begin; from -1, the last character, backwards.
    :raises ValueError: for a position of 0 and an occurrence below 1.
    """
    if position == 0:
        raise ValueError("Position must not be 0 in INSTR")
    if occurrence <= 0:
        raise ValueError("Occurrence must be positive in INSTR")
    step = 1 if position > 0 else -1
    # an empty text is also found at the end
    size = len(value) + (not part)
    start = position - 1 if position > 0 else size + position
    found = (at for at in range(start, size if step > 0 else -1, step) if value.startswith(part, at))
    for at in found:
        occurrence -= 1
        if occurrence == 0:
            return at + 1
    return 0


def ascii_code(value: str) -> int:
    """
    Return the code of the first character; 0 of an empty text.

    :raises ValueError: for a character that is not ASCII.
    """
    if value and value[0] > "\x7f":
        raise ValueError(f"ASCII requires its input to start with an ASCII character: {value[0]}")
    return ord(value[0]) if value else 0


def with_replacements(value: bytes) -> str:
    """Read UTF-8, with a replacement character for each byte that is none."""
    return re.sub("[\udc80-\udcff]", "\ufffd", value.decode(errors="surrogateescape"))


def character(code: int) -> str:
    """
    Return the character of a code point, that of 0 too.

    Source: CodePointToString in https://github.com/google/zetasql/blob/master/zetasql/public/functions/string.cc

    :raises ValueError: for what is no code point.
    """
    if not (0 <= code < 0xD800 or 0xDFFF < code <= 0x10FFFF):
        raise ValueError(f"Invalid codepoint {code}")
    return chr(code)


def from_codes(codes: list[int | None]) -> str | None:
    """Return the text of code points, None if one is NULL; raises as :func:`character`."""
    return None if None in codes else "".join(character(code) for code in codes if code is not None)


def bytes_from_codes(codes: list[int | None]) -> bytes | None:
    """
    Return bytes, None if one is NULL.

    :raises ValueError: for what is no byte.
    """
    if None in codes:
        return None
    for code in codes:
        if code is not None and not 0 <= code < 256:
            raise ValueError(f"Invalid extended ASCII code points {code}")
    return bytes(code for code in codes if code is not None)


def capitalized(value: str, delimiters: str) -> str:
    """Return a text with the first letter of each word in upper case, the others in lower case."""
    written, is_start = [], True
    for sign in value:
        is_delimiter = sign in delimiters
        written.append(sign if is_delimiter else sign.upper() if is_start else sign.lower())
        is_start = is_delimiter
    return "".join(written)


def sounds(value: str) -> str:
    """Return the Soundex code of a text, whose first letter keeps its case; nothing without a letter."""
    letters = [sign for sign in value if sign.isascii() and sign.isalpha()]
    if not letters:
        return ""
    code, last = letters[0], _SOUNDS.get(letters[0].upper())
    for letter in map(str.upper, letters[1:]):
        sound = _SOUNDS.get(letter)
        if sound and sound != last:
            code += str(sound)
        if letter not in "HW":
            last = sound
    return code[:4].ljust(4, "0")


def distance(first: str, second: str) -> int:
    """Return how many characters must change to make one text another."""
    row = list(range(len(second) + 1))
    for count, sign in enumerate(first, start=1):
        above, row[0] = row[0], count
        for at, other in enumerate(second, start=1):
            above, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, above + (sign != other))
    return row[-1]


def normalized(value: str, form: str, casefold: bool) -> str:
    """
    Return a text in a normal form of Unicode.

    Source: FullNormalizeAndCasefold in https://github.com/google/zetasql/blob/master/zetasql/public/functions/normalize_mode.proto
    """
    held = unicodedata.normalize(form, value)  # type: ignore[arg-type]
    return unicodedata.normalize(form, held.casefold()) if casefold else held  # type: ignore[arg-type]


def to_base32(value: bytes) -> str:
    """Return bytes in base 32."""
    return base64.b32encode(value).decode()


def from_base32(value: str) -> bytes:
    """
    Read bytes in base 32.

    :raises ValueError: for a text that is not.
    """
    try:
        return base64.b32decode(value)
    except ValueError as error:
        raise ValueError("Failed to decode invalid base32 string") from error


def parse_numeric(value: str) -> Decimal:
    """
    Read a NUMERIC, which may have commas, spaces around its sign, and the sign behind it.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#parse_numeric

    :raises ValueError: for a text of another form, and what is beyond NUMERIC.
    """
    match = _NUMERIC.fullmatch(value)
    if match is None or (match[1] and match[4]):
        raise ValueError(f"Invalid input to PARSE_NUMERIC: {value}")
    with localcontext() as context:
        context.prec = 100
        try:
            read = Decimal((match[1] or match[4]) + match[2].replace(",", "") + (match[3] or ""))
            held = read.quantize(Decimal("1e-9"), ROUND_HALF_UP)
        except InvalidOperation as error:
            raise ValueError(f"Invalid input to PARSE_NUMERIC: {value}") from error
    if abs(held) >= 10**29:
        raise ValueError(f"Invalid input to PARSE_NUMERIC: {value}")
    return held
