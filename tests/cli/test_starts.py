"""What a reader needs is missing or wrong: it says what, with an exit code of its own, or works on and says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Edgeface

from broker import free_port
from tools.faults.rows.spoilt import SPOILT, Spoilt

ALL = {f"{what} {how}": spoilt for what, ways in SPOILT.items() for how, spoilt in ways.items()}


@pytest.mark.parametrize("spoilt", ALL.values(), ids=ALL)
def test_it_does_not_start_and_says_why(edgeface: Edgeface, home: Path, pictures: Path, spoilt: Spoilt) -> None:
    assert edgeface("enrol", "Ada", pictures / "astronaut.png").exit_code == 0
    spoilt.do(home)
    result = edgeface("run", "--source", pictures, "--fast")
    assert (result.exit_code, spoilt.says in result.output) == (spoilt.code, True), result.output


def test_without_a_broker_that_answers_it_decides_and_keeps_what_it_decided(
    edgeface: Edgeface, pictures: Path, film_of: Callable[..., Path], astronaut: object
) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    result = edgeface(
        "run", "--source", film_of(astronaut, 12), "--fast", "--broker", f"mqtt://127.0.0.1:{free_port()}"
    )
    assert result.exit_code == 0, result.output
    assert "grant" in result.output and "1 decision not confirmed yet" in result.output
