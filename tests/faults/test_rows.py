"""Every row of the fault campaign, a few tries each; and its control, which must be caught."""

from __future__ import annotations

import pytest

from tools.faults.rows import ROWS


@pytest.mark.parametrize("name", ROWS)
def test_nothing_goes_wrong_without_a_word(name: str) -> None:
    result = ROWS[name].run(ROWS[name].few, 7)
    assert result.failures == []
    assert result.n == ROWS[name].few


@pytest.mark.parametrize("name", ROWS)
def test_the_careless_way_is_caught(name: str) -> None:
    assert ROWS[name].control(ROWS[name].few, 7).failures
