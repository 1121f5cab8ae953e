"""ROUND and TRUNC to a number of digits."""

from __future__ import annotations

import math
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from functools import cache

# Of a FLOAT64, with the 64 bits of a mantissa that GoogleSQL computes with.
# Source: RoundDecimal and TruncDecimal in
# https://github.com/google/zetasql/blob/master/zetasql/public/functions/math.cc
_BITS = 64
_LARGEST, _SMALLEST = 308, -323
_NUMERIC_LIMIT = 10**29


def round_float(value: float, digits: int) -> float:
    """
    Round a FLOAT64, halves away from zero.

    :param digits: behind the point; before it if negative.
    :raises ValueError: beyond FLOAT64.
    """
    return _to_digits(value, digits, half=True)


def truncate_float(value: float, digits: int) -> float:
    """Cut off the digits of a FLOAT64; parameters as for :func:`round_float`."""
    return _to_digits(value, digits, half=False)


def _to_digits(value: float, digits: int, half: bool) -> float:
    if digits > -_SMALLEST or value == 0:
        return value
    if digits < -_LARGEST:
        return 0.0
    unit, exponent = _power_of_ten(-digits)
    numerator, denominator = abs(value).as_integer_ratio()
    quotient, scale = _nearest(numerator << max(-exponent, 0), denominator * unit << max(exponent, 0))
    if scale < 0:
        quotient = (quotient + (half << (-scale - 1))) >> -scale
        scale = 0
    product, more = _nearest(quotient * unit, 1)
    try:
        return math.copysign(math.ldexp(product, more + scale + exponent), value)
    except OverflowError as error:
        raise ValueError(f"Floating point error in function: ROUND({value}, {digits})") from error


@cache
def _power_of_ten(power: int) -> tuple[int, int]:
    """Return a power of ten, as a mantissa and an exponent of two."""
    if power == 0:
        return 1, 0
    mantissa, exponent = _power_of_ten(power - 1 if power > 0 else power + 1)
    found, scale = _nearest(mantissa * 10, 1) if power > 0 else _nearest(mantissa, 10)
    return found, scale + exponent


def _nearest(numerator: int, denominator: int) -> tuple[int, int]:
    """Return the nearest number of 64 bits to a fraction, as a mantissa and an exponent of two."""
    scale = numerator.bit_length() - denominator.bit_length() - _BITS
    for shift in (scale, scale + 1):
        top, bottom = numerator << max(-shift, 0), denominator << max(shift, 0)
        whole, rest = divmod(top, bottom)
        if whole.bit_length() <= _BITS:
            whole += 2 * rest > bottom or (2 * rest == bottom and whole & 1)
            return whole, shift
    raise AssertionError("a quotient has at most one bit more")


def round_numeric(value: Decimal, digits: int) -> Decimal:
    """
    Round a NUMERIC, halves away from zero; parameters as for :func:`round_float`.

    :raises ValueError: beyond NUMERIC.
    """
    return _quantized(value, digits, ROUND_HALF_UP)


def round_half_even(value: Decimal, digits: int) -> Decimal:
    """Round a NUMERIC to the even neighbour where two are as near; as :func:`round_numeric` otherwise."""
    return _quantized(value, digits, ROUND_HALF_EVEN)


def truncate_numeric(value: Decimal, digits: int) -> Decimal:
    """Cut off the digits of a NUMERIC; parameters as for :func:`round_float`."""
    return _quantized(value, digits, ROUND_DOWN)


def _quantized(value: Decimal, digits: int, rounding: str) -> Decimal:
    places = min(digits, 9)
    if places < -39:
        return Decimal(0)
    with localcontext() as context:
        context.prec = 100
        rounded = value.quantize(Decimal(1).scaleb(-places), rounding)
        if abs(rounded) >= _NUMERIC_LIMIT:
            raise ValueError(f"numeric overflow: ROUND({value.normalize():f}, {digits})")
        return rounded.quantize(Decimal("1e-9"))
