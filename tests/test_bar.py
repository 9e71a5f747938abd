"""The dial becomes a score for this gallery: never looser than asked, never below what was measured."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import bar, decide, match
from edgeface.calibration import false_match_rate, threshold_for
from edgeface.match import Gallery
from edgeface.model import ImpostorTail
from fakes import embedder_spec, gallery

TAIL = ImpostorTail(
    above=0.3,
    rate=0.01,
    shape=-0.1,
    scale=0.05,
    shape_interval=(-0.12, -0.08),
    scale_interval=(0.04, 0.06),
    exceedances=1000,
    pairs=100_000,
    lowest_fmr=1e-5,
)
SPEC = embedder_spec(impostor_tail=TAIL, thresholds={"grant": 0.4})
CROWD = gallery([f"p_{i}" for i in range(10)])


def alike(*cosines: float) -> Gallery:
    """Ada, and others at these cosines to her and at right angles otherwise."""
    rows = np.zeros((1 + len(cosines), 128), np.float32)
    rows[0, 0] = 1
    for i, cosine in enumerate(cosines, 1):
        rows[i, 0], rows[i, i] = cosine, math.sqrt(1 - cosine**2)
    templates = np.round(rows * 127).astype(np.int8)
    return match.freeze(templates, ("p_ada", *(f"p_{i}" for i in range(1, len(rows)))), "m" * 64, 1, 128)


@pytest.mark.parametrize(("dial", "visits"), [("1 in 10", 10), ("1 in 10000", 10_000), ("1 in 1,000,000", 1_000_000)])
def test_a_dial_reads_as_it_is_said(dial: str, visits: int) -> None:
    assert bar.parse(dial) == visits


@pytest.mark.parametrize(
    "dial", ["", "0.0001", "1 in", "2 in 1000", "1 in 0", "1 in -5", "1 in 1e4", "1 in 10,00", "1 in 1000 ", "1 IN 100"]
)
def test_what_is_no_dial_is_named(dial: str) -> None:
    with pytest.raises(ValueError, match=r'^false_accepts must be written as in "1 in 10000"'):
        bar.parse(dial)
    with pytest.raises(ValueError, match=r"^false_accepts"):
        decide.Options(false_accepts=dial)


@pytest.mark.parametrize("dial", ["1 in 9", "1 in 1", "1 in 1000001"])
def test_a_dial_out_of_range_is_named(dial: str) -> None:
    with pytest.raises(ValueError, match=r"^false_accepts must lie between 1 in 10 and 1 in 1000000"):
        bar.parse(dial)


@given(st.text())
def test_any_text_is_a_dial_or_a_named_error(text: str) -> None:
    try:
        assert bar.LEAST <= bar.parse(text) <= bar.MOST
    except ValueError as error:
        assert str(error).startswith("false_accepts")


@given(people=st.integers(1, 10), visits=st.integers(10, 1_000_000))
def test_what_is_promised_is_kept_or_refused(people: int, visits: int) -> None:
    found = bar.derive(gallery([f"p_{i}" for i in range(people)]), SPEC, f"1 in {visits}")
    assert found.threshold >= SPEC.thresholds["grant"]
    assert found.promised is not None
    if found.problem is None:
        assert people * false_match_rate(found.threshold, TAIL) <= 1 / visits * (1 + 1e-6)
        assert found.promised <= 1 / visits * (1 + 1e-6)
    else:
        assert 1 / visits < people * TAIL.lowest_fmr
        assert found.threshold == pytest.approx(threshold_for(TAIL.lowest_fmr, TAIL))


@given(first=st.integers(10, 1_000_000), second=st.integers(10, 1_000_000), people=st.integers(1, 40))
def test_a_stricter_dial_or_a_larger_gallery_never_asks_for_less(first: int, second: int, people: int) -> None:
    loose, strict = sorted((first, second))
    crowd = gallery([f"p_{i}" for i in range(people)])
    low, high = (bar.derive(crowd, SPEC, f"1 in {visits}") for visits in (loose, strict))
    assert low.threshold <= high.threshold
    assert (low.floors <= high.floors).all()
    assert low.problem is None or high.problem is not None
    more = bar.derive(gallery([f"p_{i}" for i in range(people + 1)]), SPEC, f"1 in {loose}")
    assert more.threshold >= low.threshold


def test_the_crowd_by_hand() -> None:
    found = bar.derive(CROWD, SPEC, "1 in 1000")
    assert found.threshold == pytest.approx(threshold_for(1e-4, TAIL))
    assert (found.promised, found.problem) == (pytest.approx(1e-3), None)
    assert "10 people enrolled" in found.reason


def test_beyond_the_proof_the_dial_is_refused_and_the_strictest_named() -> None:
    found = bar.derive(CROWD, SPEC, "1 in 100000")
    assert found.problem is not None
    assert 'false_accepts = "1 in 10000" is the strictest' in found.problem
    assert bar.derive(CROWD, SPEC, "1 in 10000").problem is None


def test_without_a_dial_it_is_as_strict_as_was_proved() -> None:
    assert bar.derive(CROWD, SPEC).problem is None
    assert bar.derive(CROWD, SPEC).threshold == pytest.approx(threshold_for(1e-5, TAIL))
    many = bar.derive(gallery([f"p_{i}" for i in range(100)]), SPEC)
    assert (many.problem, many.promised) == (None, pytest.approx(1e-3))
    assert many.threshold == pytest.approx(threshold_for(1e-5, TAIL))


def test_without_a_tail_nothing_is_promised() -> None:
    bare = replace(SPEC, impostor_tail=None)
    found = bar.derive(CROWD, bare)
    assert (found.threshold, found.promised, found.problem) == (0.4, None, None)
    assert "nothing is promised" in found.reason
    assert "without a measured tail" in str(bar.derive(CROWD, bare, "1 in 100").problem)


def test_a_threshold_of_ones_own_only_raises_the_bar() -> None:
    assert bar.derive(CROWD, SPEC, stricter=0.9).threshold == 0.9
    assert bar.derive(CROWD, SPEC, stricter=0.1).threshold == bar.derive(CROWD, SPEC).threshold
    assert "your own decide.threshold" in bar.derive(CROWD, SPEC, stricter=0.9).reason


def test_look_alikes_raise_each_others_floor_and_nobody_elses() -> None:
    found = bar.derive(alike(0.8, 0.1), SPEC)
    assert found.needed("p_ada") == pytest.approx(0.8, abs=0.01)
    assert found.needed("p_1") == pytest.approx(0.8, abs=0.01)
    assert found.needed("p_2") == pytest.approx(found.threshold)
    ((first, second, cosine),) = found.too_alike
    assert (first, second, cosine) == ("p_ada", "p_1", pytest.approx(0.8, abs=0.01))


def test_one_person_under_two_names_is_told_and_needs_all_there_is() -> None:
    twice = match.freeze(np.eye(1, 128, dtype=np.int8).repeat(2, 0) * 127, ("p_a", "p_b"), "m" * 64, 1, 128)
    found = bar.derive(twice, SPEC)
    assert found.too_alike == (("p_a", "p_b", pytest.approx(1.0)),)
    assert found.floors == pytest.approx([1.0, 1.0])


def test_several_templates_of_one_person_are_no_look_alikes() -> None:
    own = match.freeze(np.eye(1, 128, dtype=np.int8).repeat(2, 0) * 127, ("p_a", "p_a"), "m" * 64, 1, 128)
    assert bar.derive(own, SPEC).too_alike == ()


@pytest.mark.parametrize("people", [3, bar.ROWS + 50])
def test_a_large_gallery_is_gone_through_in_parts(people: int) -> None:
    """Whatever the order of the templates, everybody's floor is the nearest of all templates of others."""
    random = np.random.default_rng(people)
    owners = random.permutation(np.repeat(np.arange(people), 2))
    rows = random.integers(-127, 128, (2 * people, 128)).astype(np.int8)
    many = match.freeze(rows, tuple(f"p_{one}" for one in owners), "m" * 64, 1, 128)
    cosines = many.vectors @ many.vectors.T
    others = np.where(many.owners[:, None] == many.owners[None], -1, cosines)
    nearest = np.array([others[many.owners == one].max() for one in range(people)])
    found = bar.derive(many, SPEC)
    assert found.floors == pytest.approx(np.maximum(nearest, found.threshold), abs=1e-5)


def test_nobody_enrolled_and_somebody_unknown() -> None:
    found = bar.derive(gallery([]), SPEC)
    assert (found.promised, found.too_alike) == (0.0, ())
    assert found.needed("p_nobody") == math.inf


def test_what_visits_taught_is_one_more_chance_each() -> None:
    """Two people and two lessons ask for as much as four people, and a dial that four cannot keep is not kept."""
    rows = np.eye(4, 128, dtype=np.int8) * 127
    four = match.freeze(rows, ("p_a", "p_b", "p_c", "p_d"), "m" * 64, 1, 128)
    two = match.freeze(rows, ("p_a", "p_b", "p_a", "p_b"), "m" * 64, 1, 128, (False, False, True, True))
    wanted, found = (bar.derive(gallery, SPEC, "1 in 100") for gallery in (four, two))
    assert (found.chances, len(found.people)) == (4, 2)
    assert (found.threshold, found.promised) == (wanted.threshold, wanted.promised)
    assert "2 people enrolled and 2 templates that visits taught" in found.reason


def test_a_score_says_as_much_as_whole_visits_did() -> None:
    """Whole visits, not single pictures; and nothing where none were measured."""
    spec = replace(SPEC, calibration=((0.1, 0.0), (0.9, 0.1)), visit_calibration=((0.2, -1.0), (0.6, 3.0)))
    found = bar.derive(CROWD, spec)
    assert [found.strength(score) for score in (0.0, 0.4, 0.5, 0.9)] == pytest.approx([-1.0, 1.0, 2.0, 3.0])
    assert bar.derive(CROWD, SPEC).strength(0.5) is None


def test_whether_a_dial_leaves_room_for_a_lesson() -> None:
    tail = bar.tail_of(SPEC)
    assert tail is not None
    reach = int(1 / (4 * tail.lowest_fmr))
    assert bar.keeps(f"1 in {reach}", 4, SPEC)
    assert not bar.keeps(f"1 in {reach}", 5, SPEC)
    assert bar.keeps(None, 10_000, SPEC)
    assert not bar.keeps("1 in 100", 1, replace(SPEC, impostor_tail=None, visit_tail=None))
