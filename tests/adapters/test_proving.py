"""Models are tried in a process of their own: what fails there is named, and the reader lives."""

from __future__ import annotations

import os
from typing import Any

import pytest

from bundles import EMBEDDER, LIVENESS, packed, shipped
from edgeface.adapters import proving
from edgeface.errors import UpdateProblem, UpdateRefused
from edgeface.service.bootstrap import Loaded

DETECTOR = "edgeface-detect-320"


def refused(content: bytes, runtime: str = "") -> UpdateProblem:
    with pytest.raises(UpdateRefused) as caught:
        proving.prove(content, runtime)
    return caught.value.problem


def altered(**changes: Any) -> bytes:
    return packed(1, shipped(LIVENESS, **changes))


def test_the_shipped_models_are_proven(loaded: Loaded) -> None:
    found = proving.prove(packed(1, shipped(LIVENESS, EMBEDDER)))
    assert found.models == tuple(f"{name}: proven on litert-xnnpack" for name in sorted((EMBEDDER, LIVENESS)))
    assert found.embedder == loaded.embedder.identity


def test_what_is_no_model_is_refused() -> None:
    ((table, content),) = shipped().values()
    for spoilt in (b"\0" * 1000, content[: len(content) // 2], content[:4] + b"\xff" * 64 + content[68:]):
        assert refused(packed(1, {LIVENESS: (table, spoilt)})) is UpdateProblem.BAD_MODEL


def test_other_shapes_than_declared_are_refused() -> None:
    assert refused(altered(width_px=192, height_px=96)) is UpdateProblem.BAD_MODEL


def test_other_numbers_than_measured_are_refused() -> None:
    assert refused(altered(golden={"litert-xnnpack": "0" * 64}, golden_sample="AAAA")) is UpdateProblem.GOLDEN_MISMATCH
    assert refused(altered(mean=90)) is UpdateProblem.GOLDEN_MISMATCH


def test_a_bundle_for_another_runtime_is_refused() -> None:
    assert refused(altered(golden={"tflite-builtin-armv6": "0" * 64})) is UpdateProblem.OTHER_RUNTIME
    assert refused(altered(golden=None, golden_sample=None)) is UpdateProblem.OTHER_RUNTIME
    assert refused(packed(), "tflite") is UpdateProblem.BAD_MODEL  # is not installed here


def test_a_model_that_eats_the_memory_takes_down_only_its_own_process() -> None:
    problem = refused(packed(1, shipped(DETECTOR, width_px=2048, height_px=2048)))
    assert problem in (UpdateProblem.CRASHED, UpdateProblem.BAD_MODEL)


def test_a_model_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "PATIENCE_S", 0.05)
    assert refused(packed()) is UpdateProblem.CRASHED


def test_a_process_that_breaks_or_babbles_is_no_proof(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for script in ("kill -SEGV $$", "echo nonsense", "true", 'echo \'{"problem":"fine"}\''):
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(proving.sys, "executable", str(program))
        assert refused(packed()) is UpdateProblem.CRASHED


def test_the_process_may_write_nothing_and_eat_little() -> None:
    """In a process of its own, as limits cannot be taken back."""
    child = os.fork()
    if child == 0:
        wrong = 1
        try:
            proving.confine()
            wrong = 2
            try:
                _ = bytearray((proving.MEMORY_MB + 64) << 20)
            except MemoryError:
                wrong = 3
            try:
                with os.fdopen(os.memfd_create("x"), "wb") as file:
                    file.write(bytes(proving.ANSWER_BYTES + 1))
            except OSError:
                wrong = 0 if wrong == 3 else 4
        finally:
            os._exit(wrong)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
