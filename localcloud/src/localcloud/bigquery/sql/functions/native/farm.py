"""FARM_FINGERPRINT: the Fingerprint64 of FarmHash."""

from __future__ import annotations

# Source: https://github.com/google/farmhash/blob/master/src/farmhash.cc (namespace farmhashna), and
# https://cloud.google.com/bigquery/docs/reference/standard-sql/hash_functions#farm_fingerprint
_K0 = 0xC3A5C85C97CB3127
_K1 = 0xB492B66FBE98F273
_K2 = 0x9AE16A3B2F90404F
_SEED = 81
_WORD = 0xFFFFFFFFFFFFFFFF


def fingerprint(data: bytes) -> int:
    """Return the fingerprint of bytes as an INT64."""
    value = _hash(data)
    return value - (1 << 64) if value >> 63 else value


def _hash(data: bytes) -> int:
    if len(data) <= 16:
        return _to_16(data)
    if len(data) <= 32:
        return _to_32(data)
    return _to_64(data) if len(data) <= 64 else _longer(data)


def _fetch(data: bytes, at: int, size: int = 8) -> int:
    """Read a number at a place; before the start for a negative one, counted from the end."""
    start = at if at >= 0 else len(data) + at
    return int.from_bytes(data[start : start + size], "little")


def _rotate(value: int, by: int) -> int:
    return ((value >> by) | (value << (64 - by))) & _WORD


def _mix(value: int) -> int:
    return value ^ (value >> 47)


def _fold(u: int, v: int, factor: int) -> int:
    a = _mix(((u ^ v) * factor) & _WORD)
    return (_mix(((v ^ a) * factor) & _WORD) * factor) & _WORD


def _to_16(data: bytes) -> int:
    size = len(data)
    if size >= 8:
        factor = _K2 + size * 2
        a, b = (_fetch(data, 0) + _K2) & _WORD, _fetch(data, -8)
        c = (_rotate(b, 37) * factor + a) & _WORD
        d = ((_rotate(a, 25) + b) * factor) & _WORD
        return _fold(c, d, factor)
    if size >= 4:
        return _fold((size + (_fetch(data, 0, 4) << 3)) & _WORD, _fetch(data, -4, 4), _K2 + size * 2)
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[-1] << 2)
        return (_mix(((y * _K2) ^ (z * _K0)) & _WORD) * _K2) & _WORD
    return _K2


def _to_32(data: bytes) -> int:
    factor = _K2 + len(data) * 2
    a, b = (_fetch(data, 0) * _K1) & _WORD, _fetch(data, 8)
    c, d = (_fetch(data, -8) * factor) & _WORD, (_fetch(data, -16) * _K2) & _WORD
    u = (_rotate((a + b) & _WORD, 43) + _rotate(c, 30) + d) & _WORD
    return _fold(u, (a + _rotate((b + _K2) & _WORD, 18) + c) & _WORD, factor)


def _to_64(data: bytes) -> int:
    factor = _K2 + len(data) * 2
    a, b = (_fetch(data, 0) * _K2) & _WORD, _fetch(data, 8)
    c, d = (_fetch(data, -8) * factor) & _WORD, (_fetch(data, -16) * _K2) & _WORD
    y = (_rotate((a + b) & _WORD, 43) + _rotate(c, 30) + d) & _WORD
    z = _fold(y, (a + _rotate((b + _K2) & _WORD, 18) + c) & _WORD, factor)
    e, f = (_fetch(data, 16) * factor) & _WORD, _fetch(data, 24)
    g, h = ((y + _fetch(data, -32)) * factor) & _WORD, ((z + _fetch(data, -24)) * factor) & _WORD
    u = (_rotate((e + f) & _WORD, 43) + _rotate(g, 30) + h) & _WORD
    return _fold(u, (e + _rotate((f + a) & _WORD, 18) + g) & _WORD, factor)


def _weak(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_fetch(data, at + offset) for offset in (0, 8, 16, 24))
    a = (a + w) & _WORD
    b = _rotate((b + a + z) & _WORD, 21)
    c = a
    a = (a + x + y) & _WORD
    b = (b + _rotate(a, 44)) & _WORD
    return (a + z) & _WORD, (b + c) & _WORD


def _longer(data: bytes) -> int:
    x = _SEED
    y = (_SEED * _K1 + 113) & _WORD
    z = (_mix((y * _K2 + 113) & _WORD) * _K2) & _WORD
    v, w = (0, 0), (0, 0)
    x = (x * _K2 + _fetch(data, 0)) & _WORD
    end = ((len(data) - 1) // 64) * 64
    for at in range(0, end, 64):
        x = (_rotate((x + y + v[0] + _fetch(data, at + 8)) & _WORD, 37) * _K1) & _WORD
        y = (_rotate((y + v[1] + _fetch(data, at + 48)) & _WORD, 42) * _K1) & _WORD
        x ^= w[1]
        y = (y + v[0] + _fetch(data, at + 40)) & _WORD
        z = (_rotate((z + w[0]) & _WORD, 33) * _K1) & _WORD
        v = _weak(data, at, (v[1] * _K1) & _WORD, (x + w[0]) & _WORD)
        w = _weak(data, at + 32, (z + w[1]) & _WORD, (y + _fetch(data, at + 16)) & _WORD)
        z, x = x, z
    factor = (_K1 + ((z & 0xFF) << 1)) & _WORD
    at = len(data) - 64
    w = ((w[0] + ((len(data) - 1) & 63)) & _WORD, w[1])
    v = ((v[0] + w[0]) & _WORD, v[1])
    w = ((w[0] + v[0]) & _WORD, w[1])
    x = (_rotate((x + y + v[0] + _fetch(data, at + 8)) & _WORD, 37) * factor) & _WORD
    y = (_rotate((y + v[1] + _fetch(data, at + 48)) & _WORD, 42) * factor) & _WORD
    x ^= (w[1] * 9) & _WORD
    y = (y + v[0] * 9 + _fetch(data, at + 40)) & _WORD
    z = (_rotate((z + w[0]) & _WORD, 33) * factor) & _WORD
    v = _weak(data, at, (v[1] * factor) & _WORD, (x + w[0]) & _WORD)
    w = _weak(data, at + 32, (z + w[1]) & _WORD, (y + _fetch(data, at + 16)) & _WORD)
    z, x = x, z
    first = (_fold(v[0], w[0], factor) + _mix(y) * _K0 + z) & _WORD
    return _fold(first, (_fold(v[1], w[1], factor) + x) & _WORD, factor)
