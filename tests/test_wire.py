"""What is signed has one form, and only what has one can be signed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface.wire import MOST_BYTES, MessageError, canonical, loads, record

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # RFC 8785, 3.2.2 and appendix B
        (333333333.33333329, "333333333.3333333"),
        (1e30, "1e+30"),
        (4.50, "4.5"),
        (2e-3, "0.002"),
        (0.000000000000000000000000001, "1e-27"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (1e21, "1e+21"),
        (999999999999999700000.0, "999999999999999700000"),
        (9.999999999999997e-7, "9.999999999999997e-7"),
        (0.000001, "0.000001"),
        (-0.0000033333333333333333, "-0.0000033333333333333333"),
        (1424953923781206.2, "1424953923781206.2"),
        ("€$\u000f\nA'B\"\\\"/", '"€$\\u000f\\nA\'B\\"\\\\\\"/"'),
        (
            {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7},
            '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}',
        ),
        ([None, True, False, {}, []], "[null,true,false,{},[]]"),
    ],
)  # fmt: skip
def test_the_form_is_that_of_the_rfc(value: Any, text: str) -> None:
    assert canonical(value).decode() == text


@given(JSON)
def test_the_form_says_the_same_and_is_the_only_one(value: Any) -> None:
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text
    assert canonical(json.loads(json.dumps(value, indent=3))) == text


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 2**53, -(2**53), "\ud800", {"a": ["\udfff"]}, b"", {1, 2}])
def test_what_has_no_form_is_an_error(odd: Any) -> None:
    with pytest.raises(MessageError):
        canonical(odd)


def test_what_is_nested_too_deep_is_an_error() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(MessageError):
        canonical(deep)
    while deep:  # or its end would be as deep
        deep = deep[0]


def test_what_is_too_long_is_not_read() -> None:
    assert loads(json.dumps({"a": "x" * (MOST_BYTES - 9)})) != {}
    with pytest.raises(MessageError, match="longer"):
        loads(json.dumps({"a": "x" * MOST_BYTES}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    number: int

    def __post_init__(self) -> None:
        if self.number > 3:
            raise ValueError("number is above 3")


def test_a_range_that_is_not_kept_is_an_error() -> None:
    assert record(Small, {"number": 3}, "small") == Small(number=3)
    with pytest.raises(MessageError, match="small: number is above 3"):
        record(Small, {"number": 4}, "small")
