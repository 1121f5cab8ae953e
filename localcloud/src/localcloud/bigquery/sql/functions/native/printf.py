"""What FORMAT writes: numbers and padded texts."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal, localcontext

# Source: https://github.com/google/zetasql/blob/master/zetasql/public/functions/string_format.cc


def pad(flags: str, width: int, precision: int, value: str) -> str:
    """Pad a text to a width and cut it to a precision, both in characters; no precision below 0."""
    return _filled(flags.replace("0", ""), width, "", value if precision < 0 else value[:precision])


def format_integer(flags: str, width: int, precision: int, form: str, value: int) -> str:
    """
    Write an INT64.

    :param flags: any of ``-+ #'0``.
    :param precision: the least number of digits; none below 0.
    :param form: ``d``, ``i``, ``o``, ``x`` or ``X``.
    """
    digits = format(abs(value), form.replace("i", "d"))
    prefix = {"o": "0", "x": "0x", "X": "0X"}.get(form, "") if "#" in flags else ""
    if form == "o" and precision > len(digits):
        prefix = ""
    if precision >= 0 and form in "di" and "'" not in flags:
        flags = flags.replace("0", "")
        digits = "" if precision == value == 0 else digits
    digits = digits.rjust(precision, "0")
    if "'" in flags:
        digits = _grouped(digits, 3 if form in "di" else 4, ":" if form in "xX" else ",")
    return _filled(flags, width, _sign(flags, value < 0) + prefix, digits)


def format_float(flags: str, width: int, precision: int, form: str, value: float) -> str:
    """
    Write a FLOAT64; parameters as for :func:`format_integer`.

    :param form: ``f``, ``F``, ``e``, ``E``, ``g`` or ``G``.
    """
    alternative = "#" if "#" in flags else ""
    written = f"%{alternative}.{6 if precision < 0 else precision}{form}" % abs(value)
    negative = value < 0  # a zero and a NaN have no sign
    if not math.isfinite(value):
        return _filled(flags.replace("0", ""), width, _sign(flags, negative), written)
    return _filled(flags, width, _sign(flags, negative), _with_groups(flags, written))


def format_numeric(flags: str, width: int, precision: int, form: str, value: Decimal) -> str:
    """Write a NUMERIC, which rounds half away from zero; parameters as for :func:`format_float`."""
    with localcontext() as context:
        context.prec, context.rounding = 100, ROUND_HALF_UP
        written = format(abs(value), f".{6 if precision < 0 else precision}{form}")
    written = re.sub(r"([eE][+-])(\d)$", r"\g<1>0\2", written)
    return _filled(flags, width, _sign(flags, value < 0), _with_groups(flags, written))


def _sign(flags: str, negative: bool) -> str:
    return "-" if negative else "+" if "+" in flags else " " if " " in flags else ""


def _filled(flags: str, width: int, head: str, body: str) -> str:
    missing = width - len(head) - len(body)
    if "-" in flags:
        return head + body + " " * missing
    return head + "0" * missing + body if "0" in flags else " " * missing + head + body


def _with_groups(flags: str, written: str) -> str:
    if "'" not in flags:
        return written
    return re.sub(r"^\d+", lambda match: _grouped(match[0], 3, ","), written)


def _grouped(digits: str, size: int, separator: str) -> str:
    head = len(digits) % size or size
    return separator.join([digits[:head], *(digits[at : at + size] for at in range(head, len(digits), size))])
