"""Roots, powers and logarithms of NUMERIC, which are NUMERIC too."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, DecimalException, localcontext

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/mathematical_functions
_LIMIT = 10**29
_PRECISION = 100


def square_root(x: Decimal) -> Decimal:
    """
    Return the square root.

    :raises ValueError: of a negative number.
    """
    return _computed(f"SQRT({x.normalize():f})", x >= 0, x.sqrt)


def exponential(x: Decimal) -> Decimal:
    """
    Return the power of e.

    :raises ValueError: beyond NUMERIC.
    """
    return _computed(f"EXP({x.normalize():f})", True, x.exp)


def natural_logarithm(x: Decimal) -> Decimal:
    """
    Return the logarithm to the base e.

    :raises ValueError: of what is not positive.
    """
    return _computed(f"LN({x.normalize():f})", x > 0, x.ln)


def common_logarithm(x: Decimal) -> Decimal:
    """Return the logarithm to the base 10; raises as :func:`natural_logarithm`."""
    return _computed(f"LOG10({x.normalize():f})", x > 0, x.log10)


def logarithm(x: Decimal, base: Decimal) -> Decimal:
    """
    Return the logarithm to a base.

    :raises ValueError: of what is not positive, and for a base that is 1 or not positive.
    """
    call = f"LOG({x.normalize():f}, {base.normalize():f})"
    return _computed(call, x > 0 and base > 0 and base != 1, lambda: x.ln() / base.ln())


def power(x: Decimal, y: Decimal) -> Decimal:
    """
    Return a power.

    :raises ValueError: beyond NUMERIC, and where there is no real one.
    """
    exists = y == 0 or ((y > 0 or x != 0) and (x >= 0 or y == y.to_integral_value()))
    return _computed(f"POW({x.normalize():f}, {y.normalize():f})", exists, lambda: x**y if y else Decimal(1))


def from_float(x: float) -> Decimal:
    """
    Return a FLOAT64 as CAST does, its exact value rounded half away from zero.

    :raises ValueError: beyond NUMERIC, and for what is not a number.
    """
    return _computed(f"CAST({x} AS NUMERIC)", x - x == 0, lambda: Decimal(x))


def _computed(call: str, exists: bool, compute: Callable[[], Decimal]) -> Decimal:
    with localcontext() as context:
        context.prec = _PRECISION
        try:
            found = compute() if exists else None
            held = None if found is None else found.quantize(Decimal("1e-9"), ROUND_HALF_UP)
        except DecimalException:
            held = None
    if held is None or abs(held) >= _LIMIT:
        raise ValueError(f"Invalid NUMERIC value: {call} is out of range or not a number")
    return held
