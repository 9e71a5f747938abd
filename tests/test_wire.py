"""What is read is bounded, and a record's own ranges hold (the messages' tests see to the rest)."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from edgeface.wire import MOST_BYTES, MessageError, loads, record


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
