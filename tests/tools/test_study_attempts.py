"""What was tried is kept: measured again it takes its own place, and nobody else's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.metrics import Figure
from tools.studies import attempts as study_attempts

NAME = "edgeface-pose-64"
FORMER = study_attempts.former


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "records" / NAME).mkdir(parents=True)
    first, second = study_attempts.Attempt(commit="a", says="wide"), study_attempts.Attempt(commit="b", says="deep")
    monkeypatch.setattr(study_attempts, "MODELS", tmp_path)
    monkeypatch.setattr(study_attempts, "ATTEMPTS", {NAME: (first, second)})
    monkeypatch.setattr(study_attempts, "former", lambda name, commit: commit.encode())
    figure = Figure(value=0.5, low=0.4, high=0.6, n=10)
    monkeypatch.setattr(
        study_attempts, "measure", lambda name, content, *_, **__: {"recall": figure, "size": len(content)}
    )
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr("sys.argv", ["study_attempts", NAME, "--data", "nowhere", *words])
    study_attempts.main()


def test_a_try_is_added_once_and_the_others_stay(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = models / "net.tflite"
    for content in (b"old", b"newer"):
        file.write_bytes(content)
        run(monkeypatch, "--file", str(file), "--says", "blurred")
        run(monkeypatch)
    rows = json.loads((models / "records" / NAME / "attempts.json").read_text())
    assert [(row["says"], row["figures"]["size"]) for row in rows] == [("wide", 1), ("deep", 1), ("blurred", 5)]
    assert rows[0]["figures"]["recall"] == {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10}


def test_one_known_try_is_measured_alone_and_as_it_is_used(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (models / f"{NAME}.tflite").write_bytes(b"shipped")
    once = study_attempts.Attempt(commit=None, says="once", one_pass=True)
    monkeypatch.setattr(study_attempts, "ATTEMPTS", {NAME: (study_attempts.Attempt(commit="a", says="wide"), once)})
    monkeypatch.setattr(study_attempts, "former", FORMER)
    asked: list[tuple[bytes, bool]] = []

    def measure(name: str, content: bytes, data: Path, peers: Path | None, *, one_pass: bool) -> dict[str, float]:
        asked.append((content, one_pass))
        return {}

    monkeypatch.setattr(study_attempts, "measure", measure)
    run(monkeypatch, "--says", "once")
    assert asked == [(b"shipped", True)]
