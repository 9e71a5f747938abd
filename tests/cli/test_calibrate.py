"""`edgeface calibrate`: the score of this door, and what it promises; a dial that cannot be kept stops the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from calling import Edgeface

from edgeface import image
from edgeface.adapters import paper


def calibrated(edgeface: Edgeface) -> dict[str, Any]:
    result = edgeface("calibrate", "--json")
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def set_dial(home: Path, dial: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "edgeface.toml").write_text(f'[decide]\nfalse_accepts = "{dial}"\n', encoding="utf-8")


def test_nobody_enrolled(edgeface: Edgeface) -> None:
    assert calibrated(edgeface)["people"] == 0
    assert "Nobody is enrolled" in edgeface("calibrate").output


def test_one_person_under_two_names_is_told_by_name_on_the_terminal_only(edgeface: Edgeface, pictures: Path) -> None:
    for name in ("Ada", "Bob"):
        assert edgeface("enrol", name, pictures / "astronaut.png", "--allow-duplicate").exit_code == 0
    told = edgeface("calibrate").output
    assert "Too alike: Ada" in told
    assert "Bob" in told
    report = calibrated(edgeface)
    (pair,) = report["too_alike"]
    assert pair["cosine"] > 0.99
    assert "Ada" not in json.dumps(report)
    rates, lost = report["expected_fpir"], report["expected_fnir"]
    assert 0 < lost["low"] < lost["value"] < lost["high"] < 1
    assert 0 < rates["low"] <= rates["value"] <= rates["high"] <= 1e-3


def test_a_dial_beyond_the_proof_is_told_and_stops_the_reader(edgeface: Edgeface, pictures: Path, home: Path) -> None:
    assert edgeface("enrol", "Ada", pictures / "astronaut.png").exit_code == 0
    set_dial(home, "1 in 1000000")
    assert "cannot be promised to 1 person enrolled" in edgeface("calibrate").output
    result = edgeface("run", "--source", str(pictures / "astronaut.png"))
    assert result.exit_code == 78
    assert "decide.false_accepts: 1 in 1000000 cannot be promised" in result.output


def test_nonsense_is_named(edgeface: Edgeface, home: Path) -> None:
    set_dial(home, "often")
    result = edgeface("calibrate")
    assert result.exit_code == 78
    assert 'decide.false_accepts must be written as in "1 in 10000", not "often"' in result.output


def test_whoever_enrols_one_person_too_many_for_the_dial_is_warned(
    edgeface: Edgeface, pictures: Path, home: Path
) -> None:
    set_dial(home, "1 in 100000")  # what the shipped embedder was measured for, and for one person only
    assert "warning" not in edgeface("enrol", "Ada", pictures / "astronaut.png").output
    result = edgeface("enrol", "Bob", pictures / "hopper.png")
    assert result.exit_code == 0
    assert 'false_accepts = "1 in 100000" cannot be promised to 2 people' in result.stderr
    assert edgeface("run", "--source", str(pictures / "wall.png")).exit_code == 78  # and it does not go on with it


def test_the_errors_are_drawn_with_the_bar_and_the_look_alikes(
    edgeface: Edgeface, pictures: Path, tmp_path: Path
) -> None:
    for name in ("Ada", "Bob"):
        assert edgeface("enrol", name, pictures / "astronaut.png", "--allow-duplicate").exit_code == 0
    out = tmp_path / "bar.png"
    assert edgeface("calibrate", "--json", "--plot", out).exit_code == 0
    with_pair = image.read(out)
    for colour in (paper.RED, paper.BLUE, paper.GREEN, paper.AMBER):
        assert (with_pair == colour).all(axis=2).sum() > 50
    assert edgeface("people", "forget", "Bob", "--yes").exit_code == 0
    assert edgeface("calibrate", "--plot", out).exit_code == 0
    alone = image.read(out)
    assert not (alone == paper.AMBER).all(axis=2).any()
    assert alone.shape[0] < with_pair.shape[0]
    assert edgeface("calibrate", "--plot", tmp_path / "no" / "bar.png").exit_code == 2


def test_the_dial_is_set_while_no_reader_runs(edgeface: Edgeface, home: Path) -> None:
    told = edgeface("calibrate", "--set", "1 in 1000", "--json")
    assert json.loads(told.stdout)["false_accepts"] == "1 in 1000"
    assert "not set -> 1 in 1000. It counts from the reader's next start on." in told.stderr
    assert edgeface("calibrate", "--set", "often").exit_code == 2
    assert edgeface("calibrate", "--set", "1 in 10", "--unset").exit_code == 2
    assert 'false_accepts = "1 in 1000"' in (home / "edgeface.toml").read_text()
