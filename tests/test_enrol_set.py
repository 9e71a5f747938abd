"""Which pictures of a set show one person, which become templates, and whom they look like. Embeddings made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface.calibration import false_match_rate, threshold_for
from edgeface.embed import to_template, unit
from edgeface.enrol import Bin, agreement, bars, bin_of, choose, resemblances
from edgeface.enrol.check import KNOWN_RATE
from edgeface.match import freeze
from edgeface.pose import Pose
from edgeface.service.bootstrap import Loaded
from shots import MODEL, made, near, person


def test_one_person_agrees() -> None:
    found = agreement([made(near(person(1), seed)) for seed in (10, 11, 12)], 0.29)
    assert (found.together, found.outliers, found.problem) == ((0, 1, 2), (), None)


def test_a_stray_is_an_outlier() -> None:
    found = agreement([made(person(2)), made(near(person(1), 10)), made(near(person(1), 11))], 0.29)
    assert (found.together, found.outliers, found.problem) == ((1, 2), (0,), None)


def test_two_people_are_two() -> None:
    shots = [made(near(person(who), 10 * who + seed)) for who in (1, 2) for seed in (10, 11)]
    assert "fall into 2 people" in str(agreement(shots, 0.29).problem)


def test_two_pictures_that_disagree_say_nothing() -> None:
    assert "no two of the pictures" in str(agreement([made(person(1)), made(person(2))], 0.29).problem)


@pytest.mark.parametrize(
    ("yaw_deg", "pitch_deg", "expected"),
    [
        (0.0, 0.0, Bin.FRONTAL),
        (15.0, -15.0, Bin.FRONTAL),
        (30.0, 5.0, Bin.RIGHT),
        (-30.0, 5.0, Bin.LEFT),
        (3.0, 20.0, Bin.UP),
        (3.0, -20.0, Bin.DOWN),
    ],
)
def test_where_a_head_points(yaw_deg: float, pitch_deg: float, expected: Bin) -> None:
    assert bin_of(Pose(yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=0.0)) is expected


def test_every_bin_is_covered_before_a_second_of_one() -> None:
    frontal = [made(near(person(1), seed), score=95.0) for seed in range(10, 14)]
    turned = [made(near(person(1), 20), yaw_deg=30.0), made(near(person(1), 21), yaw_deg=-30.0)]
    assert set(choose([*frontal, *turned], 3)[1:]) == {4, 5}
    assert choose([*frontal, *turned], 3)[0] < 4


def test_the_best_frontal_face_comes_first() -> None:
    shots = [made(person(1), yaw_deg=30.0, score=99.0), made(person(1), score=50.0), made(person(1), score=70.0)]
    assert choose(shots, 1) == (2,)


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-90, 90), st.floats(0, 100)), max_size=12), st.integers(1, 10))
def test_what_is_chosen_is_in_the_set_once(seen: list[tuple[float, float, float]], most: int) -> None:
    shots = [
        made(near(person(1), seed), yaw_deg=yaw, pitch_deg=pitch, score=score)
        for seed, (yaw, pitch, score) in enumerate(seen)
    ]
    kept = choose(shots, most)
    assert len(set(kept)) == len(kept) == min(most, len(shots))
    assert set(kept) <= set(range(len(shots)))


def test_resemblances_come_closest_first() -> None:
    rows = np.stack([to_template(person(1)), to_template(near(person(2), 5, 0.8)), to_template(person(3))])
    gallery = freeze(rows, ("p_1", "p_2", "p_3"), MODEL, 1, 128)
    shot = made(unit(0.9 * person(1) + 0.6 * person(2)))
    assert [found.person_id for found in resemblances([shot], gallery, 0.3)] == ["p_1", "p_2"]
    assert resemblances([shot], freeze(rows[:0], (), MODEL, 1, 128), 0.3) == ()


def test_one_odd_picture_makes_no_resemblance() -> None:
    gallery = freeze(to_template(person(1))[None], ("p_1",), MODEL, 1, 128)
    assert resemblances([made(person(1)), made(person(2)), made(person(3))], gallery, 0.3) == ()


def test_the_bars_of_the_shipped_embedder_stand_in_order(loaded: Loaded) -> None:
    found = bars(loaded.models.embedder.spec)
    assert found.same == loaded.floor
    assert 0.2 < found.apart < found.alike < found.same


def test_among_many_a_new_face_must_be_more_alike_to_be_one_of_them(loaded: Loaded) -> None:
    """Of new people as few are refused among a thousand as among a hundred, and look-alikes are named as before."""
    spec = loaded.models.embedder.spec
    few, many, most = (bars(spec, people) for people in (1, 1000, 10**9))
    assert few.same == loaded.floor < many.same < most.same
    assert spec.impostor_tail is not None
    assert most.same == pytest.approx(threshold_for(spec.impostor_tail.lowest_fmr, spec.impostor_tail))
    assert false_match_rate(many.same, spec.impostor_tail) == pytest.approx(KNOWN_RATE / 1000, rel=0.01)
    assert (few.alike, few.apart) == (many.alike, many.apart)
    assert bars(replace(spec, impostor_tail=None), 1000).same == loaded.floor
