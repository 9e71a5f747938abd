"""APCER and BPCER are counted as ISO/IEC 30107-3 says, on scores made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tools import peer_liveness
from tools.attacks import SPECIES, Shot
from tools.evaluate import attacks
from tools.evaluate.attacks import LIVE, PEER, Judged
from tools.metrics import Figure
from tools.peers import PeerMissing


def judged(species: str, ours: float, theirs: float = 0.5) -> Judged:
    shot = Shot(
        pixels=np.full((120, 120, 3), 90, np.uint8),
        box=np.array([30, 30, 60, 60], np.float32),
        landmarks=np.full((5, 2), 60, np.float32),
        species=species,
    )
    return Judged(shot=shot, ours=ours, theirs=theirs)


def trials() -> list[Judged]:
    """A hundred live faces between 0 and 0.99; ten attacks of each species, at 0.02 and, one of them, at 0.9."""
    live = [judged(LIVE, index / 100, 1 - index / 100) for index in range(100)]
    return live + [judged(kind, 0.9 if index == 0 else 0.02, 0.7) for kind in SPECIES for index in range(10)]


def value(figure: object) -> float:
    assert isinstance(figure, Figure)
    return figure.value


def test_each_rate_counts_its_own_presentations() -> None:
    figures = attacks.report(trials(), 0.25, with_peer=True).figures
    assert value(figures[f"bpcer_{LIVE}"]) == 0.25
    assert all(value(figures[f"apcer_{kind}"]) == 0.1 for kind in SPECIES)
    assert all(isinstance(figures[f"apcer_{kind}"], Figure) and figures[f"apcer_{kind}"].n == 10 for kind in SPECIES)


def test_at_a_stated_bpcer_no_more_of_the_living_are_refused() -> None:
    report = attacks.report(trials(), 0.5, with_peer=True)
    assert report.figures["threshold_at_bpcer_5"] == 0.05
    assert value(report.figures["apcer_all_trained_at_bpcer_5"]) == 0.1
    assert value(report.figures["apcer_all_held_out_at_bpcer_1"]) == 1.0  # 0.02 passes a threshold of 0.01
    assert report.peers[PEER]["threshold_at_bpcer_5"] == pytest.approx(0.06)
    assert report.ahead[PEER]["apcer_print_at_bpcer_5"].value == pytest.approx(-0.9)


def test_a_face_that_was_not_judged_is_a_non_response_and_no_error() -> None:
    silent = [judged(LIVE, float("nan"), float("nan")) for _ in range(25)]
    figures = attacks.report([*trials(), *silent], 0.25, with_peer=True).figures
    assert value(figures[f"bpcer_{LIVE}"]) == 0.25
    assert value(figures["bpnrr"]) == 0.2
    assert value(figures["apnrr"]) == 0.0


def test_without_the_peer_nothing_is_said_of_it() -> None:
    report = attacks.report(trials(), 0.25, with_peer=False)
    assert not report.peers
    assert not report.ahead


def test_a_peer_that_cannot_run_is_left_out_by_name(tmp_path: Path) -> None:
    with pytest.raises(PeerMissing, match=r"MiniFASNet pair left out: .* has no 2"):
        peer_liveness.load(tmp_path)


def test_both_pictures_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="it draws the plots")
    for name, plot in attacks.report(trials(), 0.25, with_peer=True).plots.items():
        plot.draw(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
