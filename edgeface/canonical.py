"""Canonical JSON (RFC 8785): one text for one value, so that hashes and signatures of it can be checked elsewhere.

canonical({"b": 1.0, "a": "x"}) -> b'{"a":"x","b":1}'
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

EXACT = 2**53 - 1
"""The largest whole number that each reader of JSON tells from the next (RFC 7493); write larger ones as text."""


def canonical(value: Json) -> bytes:
    """UTF-8. Raises ValueError for what has no canonical form: NaN, infinity, large whole numbers, lone surrogates."""
    return _text(value).encode("utf-8")


def _text(value: Json) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > EXACT:
            raise ValueError(f"{value} is too large for a number in JSON: write it as text")
        return str(int(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        # By UTF-16 code units, as RFC 8785 has it: characters outside the first plane come before U+E000.
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{_text(key)}:{_text(value[key])}" for key in keys) + "}"
    return "[" + ",".join(_text(item) for item in value) + "]"


def _number(value: float) -> str:
    """As ECMAScript writes it: the shortest digits that are read back as the same number."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number in JSON")
    if value == 0:
        return "0"  # the negative zero as well
    sign, (digits, exponent) = "-" if value < 0 else "", _shortest(abs(value))
    point = exponent + len(digits)
    if len(digits) <= point <= 21:
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"


def _shortest(value: float) -> tuple[str, int]:
    """Digits without zeros at the end, and the power of ten of the last."""
    mantissa, _, power = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    kept = digits.rstrip("0")
    return kept, int(power or 0) - len(fraction) + len(digits) - len(kept)
