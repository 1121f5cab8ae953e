"""Numbers that DuckDB computes or formats differently."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, localcontext


def float_text(value: float) -> str:
    """
    Return a FLOAT64 as CAST writes it: 15 significant digits, or 17 where 15 are another number.

    Source: https://github.com/google/googlesql/blob/master/googlesql/common/float_margin.h and
    https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#cast_as_string
    """
    if value == 0:
        return "0"
    short = f"{value:.15g}"
    return short if float(short) == value or value != value else f"{value:.17g}"


def divide(a: Decimal, b: Decimal) -> Decimal:
    """
    Divide two NUMERIC values, rounding half away from zero.

    :raises ValueError: for a zero divisor.
    """
    if b == 0:
        raise ValueError(f"division by zero: {a.normalize():f} / {b.normalize():f}")
    return _quantize(_wide(a, b), ROUND_HALF_UP)


def divide_whole(a: Decimal, b: Decimal) -> Decimal:
    """
    Return how many times a NUMERIC value goes into another.

    :raises ValueError: for a zero divisor.
    """
    if b == 0:
        raise ValueError(f"division by zero: {a.normalize():f} / {b.normalize():f}")
    return _wide(a, b).quantize(Decimal(1), ROUND_DOWN)


def shift_left(value: int, count: int) -> int:
    """
    Shift bits to the left, out of the 64.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#bitwise_operators

    :raises ValueError: for a negative count.
    """
    if count < 0:
        raise ValueError("Bitwise shift by negative offset")
    shifted = (value << min(count, 64)) % 2**64
    return shifted - 2**64 if shifted >= 2**63 else shifted


def shift_right(value: int, count: int) -> int:
    """
    Shift bits to the right, with zeros from the left.

    :raises ValueError: for a negative count.
    """
    if count < 0:
        raise ValueError("Bitwise shift by negative offset")
    shifted = (value % 2**64) >> min(count, 64)
    return shifted - 2**64 if shifted >= 2**63 else shifted


def _wide(a: Decimal, b: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = 100
        return a / b


def _quantize(value: Decimal, rounding: str) -> Decimal:
    with localcontext() as context:
        context.prec = 100
        return value.quantize(Decimal("1e-9"), rounding)
