"""Simulated visits and the rules that are compared on them."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from edgeface import quality
from fakes import axis
from tools import visits
from tools.comparisons import gallery_of
from tools.evaluate.visit_strength import comparisons, strengths
from tools.evaluate.visits import _any_of, averaged, best_frame, fused, moments, vote
from tools.page import write_section
from tools.samples.turn_faces import Angles
from tools.visit_bank import MEASURES, Visit, gated

REFERENCES = np.stack([axis(1.0), axis(0.0, 1.0)])
ENROLLED = gallery_of(REFERENCES)
STRAIGHT = Angles(yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0)
EYES = np.array([[55, 60], [85, 60], [70, 78], [58, 93], [82, 93]], np.float32)


def visit(*shots: tuple[float, float, bool]) -> Visit:
    """(cosine to the first person, quality, accepted) by frame."""
    return Visit(
        person="ada",
        vectors=np.stack([axis(cosine) for cosine, _, _ in shots]),
        quality=np.array([quality for _, quality, _ in shots], np.float32),
        unified=np.array([quality for _, quality, _ in shots], np.float32),
        pose=np.zeros((len(shots), 3), np.float32),
        measures=np.ones((len(shots), len(MEASURES)), np.float32),
        accepted=np.array([accepted for _, _, accepted in shots]),
        frame=np.arange(len(shots)),
        area_px=np.full(len(shots), 3000, np.float32),
        blur=np.full(len(shots), 999, np.float32),
        refused=("",) * len(shots),
        frames=len(shots),
    )


def test_a_visit_is_grey_levels_of_one_size_and_the_same_for_the_same_chance() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (150, 140, 3), np.uint8)
    films = [visits.film(picture, EYES, STRAIGHT, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert 5 <= len(films[0]) <= 40
    assert films[0][0].shape == (visits.HEIGHT_PX, visits.WIDTH_PX, 3)
    assert all((one == two).all() for one, two in zip(films[0], films[1], strict=True))
    assert len(films[2]) != len(films[0]) or (films[2][0] != films[0][0]).any()


def test_two_good_shots_are_too_few_and_refused_ones_do_not_count() -> None:
    few = visit((0.9, 80, True), (0.9, 80, True), (0.9, 80, False))
    assert (fused(few, ENROLLED, 3, 9) == -1).all()
    assert best_frame(few, REFERENCES)[0] == pytest.approx(0.9)


def test_the_newest_shot_must_agree() -> None:
    swapped = visit((0.9, 80, True), (0.9, 80, True), (0.1, 80, True))
    assert fused(swapped, ENROLLED, 3, 9)[0] == pytest.approx(0.1, abs=1e-6)
    assert averaged(swapped, REFERENCES, 3, 9)[0] == pytest.approx(0.1, abs=1e-6)


def test_fused_says_at_least_the_mean() -> None:
    one = visit((0.5, 60, True), (0.7, 60, True), (0.8, 60, True))
    assert fused(one, ENROLLED, 3, 9)[0] >= averaged(one, REFERENCES, 3, 9)[0]


def test_a_vote_needs_more_of_one_name_than_of_another() -> None:
    both = visit((0.9, 80, True), (0.0, 80, True))
    both.vectors[1] = axis(0.0, 0.9)
    first = vote(both, REFERENCES)
    assert list(first) == [0]  # after the second it is a tie, which names nobody
    assert first[0] > 0.99
    assert vote(visit((0.3, 80, True)), REFERENCES) == {}  # a confidence of a half is unknown


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_chance_of_a_random_gallery_is_exact(size: int) -> None:
    over = np.array([[False, True, False, True, False], [False] * 5])  # one of the five is the visitor: the first
    counted = np.mean([any(over[0, list(drawn)]) for drawn in combinations(range(1, 5), size)])
    assert _any_of(over, size) == pytest.approx(counted / 2)


def test_the_best_shots_speak_for_a_visit() -> None:
    one = visit((0.1, 40, True), (0.2, 40, True), (0.9, 90, True))
    assert fused(one, ENROLLED, 3, 9)[0] > 0.85
    assert moments(one, ENROLLED, 9, steepness=1)[-1, 0] < 0.7


def test_some_slack_lets_a_bad_newest_shot_pass() -> None:
    one = visit((0.8, 90, True), (0.8, 90, True), (0.6, 60, True))
    assert moments(one, ENROLLED, 9)[-1, 0] == pytest.approx(0.6, abs=1e-6)
    assert moments(one, ENROLLED, 9, slack=0.1)[-1, 0] == pytest.approx(0.7, abs=1e-6)


def test_the_gate_of_today_judges_the_visits_of_yesterday() -> None:
    faces = {
        "measures": np.array([[100.0 if name == "sharpness" else 1.0 for name in MEASURES]] * 2),
        "pose": np.array([[0.0, 0.0, 0.0], [80.0, 0.0, 0.0]]),
        "unified": np.array([90.0, 90.0]),
    }
    lax = quality.Options(
        min_eye_distance_px=0, min_brightness=0, min_dynamic_range=0, max_blank=1, max_occlusion=1,
        max_over_exposure=1, max_under_exposure=1,
    )  # fmt: skip
    assert gated(faces, lax) == {"accepted": pytest.approx([True, False]), "refused": ("", "pose")}
    assert gated(faces, replace(lax, min_unified_score=95))["refused"][0] == "unrecognisable"


def test_a_section_of_a_page_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\nWords.\n\n## First\n\nold\n\n## Second\n\nkept\n", encoding="utf-8")
    write_section(page, "First", ["new"])
    write_section(page, "Third", ["more"])
    assert page.read_text(encoding="utf-8") == (
        "# Title\n\nWords.\n\n## First\n\nnew\n\n## Second\n\nkept\n\n## Third\n\nmore\n"
    )


def test_ratios_of_visits_are_told_as_they_are_seen() -> None:
    """Scores are normal, those of one person higher."""
    people = 250
    scores = np.random.default_rng(0).normal(0.1, 0.1, (people, people)) + 0.2 * np.eye(people)
    found = strengths(np.append(scores, np.full((1, people), -1.0), axis=0), np.append(np.arange(people), 0), splits=2)
    assert found["visit_min_cllr"].value <= found["visit_cllr"].value < 0.7
    assert -1 < found["visit_strength_told_-1_to_0"].value < 0 < found["visit_strength_told_0_to_1"].value < 1
    assert 1 < found["visit_strength_told_1_to_2"].value < 2


def test_visits_without_a_score_say_nothing_and_the_other_half_is_left_out() -> None:
    scores, owner = np.array([[0.9, 0.1, 0.2], [0.3, 0.8, 0.1], [-1.0, -1.0, -1.0]]), np.array([0, 1, 0])
    found = comparisons(scores, owner, np.array([True, False, True]))
    assert (found.scores.tolist(), found.same.tolist(), found.people) == ([0.9, 0.2], [True, False], 3)
