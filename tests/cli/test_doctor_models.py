"""`edgeface doctor` and `models check` say whether the models compute what was measured, and on which kernels."""

from __future__ import annotations

import json

import pytest
from calling import Edgeface

from builtin import Builtin
from edgeface.adapters import golden, tflite
from edgeface.adapters.golden import Finding, Proof


def models(edgeface: Edgeface) -> dict[str, str]:
    """What the doctor says of the models."""
    rows = (json.loads(line) for line in edgeface("doctor", "--json").output.splitlines())
    (found,) = (row for row in rows if row["check"] == "models")
    return {str(key): str(value) for key, value in found.items()}


def test_the_shipped_models_are_proven(edgeface: Edgeface) -> None:
    found = models(edgeface)
    assert found["health"] == "ok"
    assert found["detail"].count("(litert-xnnpack, proven)") >= 2
    assert edgeface("models", "check").output.count("litert-xnnpack, proven\n") >= 2


def test_xnnpack_that_silently_did_not_start_is_seen(edgeface: Edgeface, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite, "find_runtime", lambda wanted=None: ("litert", Builtin))
    found = models(edgeface)
    assert found["health"] == "warning"
    assert "not all under XNNPACK, so slow; is /proc/cpuinfo or /sys hidden" in found["detail"]
    assert "is not proven on litert-builtin-" in found["detail"]
    told = edgeface("models", "check").output
    assert "litert-builtin, unproven; not under XNNPACK: slow" in told
    assert "steps from what was measured" in told


def test_rounding_that_differs_is_a_warning(edgeface: Edgeface, monkeypatch: pytest.MonkeyPatch) -> None:
    alike = Finding(proof=Proof.ALIKE, path="litert-xnnpack", detail="it gives nearly what was measured")
    monkeypatch.setattr(golden, "verify", lambda model: alike)
    found = models(edgeface)
    assert found["health"] == "warning"
    assert "it gives nearly what was measured" in found["detail"]
