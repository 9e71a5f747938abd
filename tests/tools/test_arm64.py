"""What is told of another machine: how much is the same to the last bit, and how far the rest is away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tools.arm64.__main__ import HERE, figures, page
from tools.arm64.compare import Machine, compare, kinds


def machine(name: str, shift: int = 0, turn: float = 0.0) -> Machine:
    """A model's two outputs and one embedding; `shift` steps away in one number, `turn` in the direction."""
    first, second = np.arange(8, dtype=np.int8), np.arange(8, 16, dtype=np.int8)
    second[3] += shift
    arrays: dict[str, Any] = {"model/net/00": first, "model/net/01": second}
    arrays["stage/embedding/00"] = np.array([np.cos(turn), np.sin(turn)], np.float32)
    decided = [{"who": "Ada", "outcome": "grant", "person": "Ada", "score": 0.9}]
    return Machine(name=name, arrays=arrays, said={"golden": {"net": "proven"}, "decided": decided})


def test_the_same_is_the_same_to_the_last_bit() -> None:
    found = compare(machine("there"), machine("here"), "model/net")
    assert (found.what, found.n, found.same, found.furthest, found.cosine) == ("net", 2, 2, 0.0, None)


def test_what_differs_is_counted_and_measured() -> None:
    there, here = machine("there", shift=5, turn=0.1), machine("here")
    found = compare(there, here, "model/net")
    assert (found.same, found.furthest) == (1, 5.0)
    assert compare(there, here, "stage/embedding").cosine == pytest.approx(np.cos(0.1))
    assert there.digest("model/net") != here.digest("model/net")


def test_another_kind_of_number_is_not_the_same() -> None:
    there, here = machine("there"), machine("here")
    wider = {**there.arrays, "model/net/00": there.arrays["model/net/00"].astype(np.int16)}
    assert compare(Machine(name="there", arrays=wider, said={}), here, "model/net").same == 1


def test_the_page_has_every_machine_stage_and_decision() -> None:
    here, other = machine(HERE), machine("arm64 cortex-a72", shift=2, turn=0.01)
    assert kinds(here.arrays, "model") == ["model/net"]
    doctor = [{"check": "models", "health": "ok", "detail": "net (litert-xnnpack, proven)"}]
    told = page(figures(here, [other], ["the unit starts with the machine"], doctor))
    assert "| arm64 cortex-a72 | 1 of 2, 2 steps at most; proven |" in told
    assert "| embedding | 0 of 1, 0.01, cosine 0.999950 at least |" in told
    assert "| arm64 cortex-a72 | grant, score 0.9000 |" in told
    assert "- the unit starts with the machine" in told and "models ok" in told
