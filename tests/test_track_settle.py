"""Looks have the last word: shots of two people never meet in one track, and who is back has his old number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from edgeface.model import Tensor
from edgeface.track import Crowd, Options, Settled, Track, follow, likeness, settle
from edgeface.track.visitor import begin
from fakes import axis, detection
from portraits import at

OPTIONS = Options()
FLOOR = 0.5
ADA, BOB, EVE = axis(1.0), axis(0.0, 1.0), axis(0.0, 0.0, 1.0)
LOOKS = {1: np.stack([ADA]), 2: np.stack([BOB]), 3: np.stack([EVE])}


def track(number: int, x: float = 100.0, seconds: float = 1.0, *, doubtful: bool = False, shots: int = 5) -> Track:
    made = begin(number, detection(x=x), at(seconds))
    return Track(**{**{name: getattr(made, name) for name in Track.__slots__}, "doubtful": doubtful, "shots": shots})


def told(
    *now: Track,
    probes: Mapping[int, Tensor],
    looks: Mapping[int, Tensor] = LOOKS,
    lost: tuple[Track, ...] = (),
    born: frozenset[int] = frozenset(),
    options: Options = OPTIONS,
) -> Settled:
    """What `settle` makes of tracks at 1.0 s, all of which but `born` were where they are a moment before."""
    before = {one.number: track(one.number, x=one.detection.box.x, seconds=0.9) for one in now}
    crowd = Crowd(tracks=now, before={n: one for n, one in before.items() if n not in born}, lost=lost, next_number=9)
    return settle(crowd, probes, looks, FLOOR, at(1.0), options)


def places(settled: Settled) -> dict[int, float]:
    """Number of each track seen now -> where it is."""
    return {one.number: one.detection.box.x for one in settled.tracks if one.seen_at == at(1.0)}


def test_who_looks_like_his_track_stays() -> None:
    settled = told(track(1, doubtful=True), probes={1: ADA})
    (one,) = settled.tracks
    assert (one.number, one.doubtful, one.shots) == (1, False, 6)
    assert (settled.number, settled.ended, settled.next_number) == ({1: 1}, (), 9)


def test_a_face_that_showed_nothing_is_where_motion_says_and_stays_in_doubt() -> None:
    settled = told(track(1, doubtful=True), probes={})
    assert [(one.number, one.doubtful, one.shots) for one in settled.tracks] == [(1, True, 5)]


def test_who_does_not_look_like_his_track_is_somebody_new() -> None:
    settled = told(track(1), probes={1: EVE}, looks={1: LOOKS[1]})
    assert [(one.number, one.shots) for one in settled.tracks] == [(9, 1)]
    assert [one.number for one in settled.ended] == [1]
    assert (settled.number, settled.next_number) == ({1: 9}, 10)


@pytest.mark.parametrize(("alike", "stays", "stays_in_doubt"), [(0.30, 9, 9), (0.40, 1, 9), (0.50, 1, 1)])
def test_in_doubt_more_likeness_is_asked_for(alike: float, stays: int, stays_in_doubt: int) -> None:
    options = Options(min_likeness=0.7, min_likeness_in_doubt=0.9)
    for doubtful, number in ((False, stays), (True, stays_in_doubt)):
        settled = told(track(1, doubtful=doubtful), probes={1: axis(alike)}, options=options)
        assert settled.number == {1: number}


def test_two_swapped_tracks_are_swapped_back() -> None:
    settled = told(track(1, x=100), track(2, x=150), probes={1: BOB, 2: ADA})
    assert places(settled) == {1: 150, 2: 100}
    assert not any(one.doubtful for one in settled.tracks)
    assert settled.ended == ()


def test_one_of_two_swapped_faces_is_enough_to_swap_both() -> None:
    """The other showed nothing: it gets the track that is free, and stays in doubt."""
    settled = told(track(1, x=100), track(2, x=150), probes={1: BOB})
    assert places(settled) == {1: 150, 2: 100}
    assert {one.number: one.doubtful for one in settled.tracks} == {1: True, 2: False}


def test_three_in_a_ring_are_put_right() -> None:
    settled = told(track(1, x=100), track(2, x=150), track(3, x=200), probes={1: BOB, 2: EVE})
    assert places(settled) == {2: 100, 3: 150, 1: 200}


def test_who_hides_behind_the_one_before_is_still_there() -> None:
    """Motion gave Bob's face to Ada's track; Bob's own was not seen. Ada's waits where she was seen last."""
    hidden = track(2, x=150, seconds=0.8)
    settled = told(track(1, x=140), hidden, probes={1: BOB})
    assert places(settled) == {2: 140}
    (ada,) = (one for one in settled.tracks if one.number == 1)
    assert (ada.seen_at, ada.doubtful) == (at(0.9), True)
    assert settled.ended == ()


def test_a_new_face_that_looks_like_somebody_lost_is_back() -> None:
    settled = told(track(8, x=300, shots=0), probes={8: ADA}, lost=(track(1, seconds=0.0),), born=frozenset({8}))
    assert places(settled) == {1: 300}
    assert (settled.lost, settled.renamed, settled.number) == ((), {8: 1}, {8: 1})


def test_two_new_faces_that_look_like_one_lost_are_not_both_back() -> None:
    """A picture held beside the face: the more alike has the old number, the other is a visitor of his own."""
    both = track(7, x=100, shots=0), track(8, x=300, shots=0)
    settled = told(*both, probes={7: axis(0.8), 8: ADA}, lost=(track(1, seconds=0.0),), born=frozenset({7, 8}))
    assert settled.number == {7: 7, 8: 1}


def test_who_has_stayed_for_long_is_not_taken_for_somebody_lost() -> None:
    settled = told(track(8, shots=3), probes={8: ADA}, looks={1: LOOKS[1], 8: LOOKS[1]}, lost=(track(1, seconds=0.0),))
    assert settled.number == {8: 8}


def test_likeness_is_to_the_nearest_look() -> None:
    assert likeness(ADA, np.stack([BOB, axis(0.6)])) == pytest.approx(0.6)
    assert likeness(ADA, None) is None


class Crossing(RuleBasedStateMachine):
    """Four people jump about as they like; who is seen, and who of them shows a good shot, is anybody's guess."""

    @initialize()
    def start(self) -> None:
        self.tracks: tuple[Track, ...] = ()
        self.lost: tuple[Track, ...] = ()
        self.looks: dict[int, Tensor] = {}
        self.people: dict[int, set[int]] = {}  # whose good shots each track has
        self.next_number, self.seconds = 1, 0.0

    @rule(
        step=st.sampled_from([0.1, 0.1, 0.1, 0.3, 0.6]),
        places=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.booleans()), max_size=4),
    )
    def frame(self, step: float, places: list[tuple[int, int, bool]]) -> None:
        self.seconds += step
        now = at(self.seconds)
        seen = {person: (detection(x=30.0 * place), good) for person, place, good in places}
        before = {one.number: one for one in self.tracks}
        faces = tuple(face for face, _ in seen.values())
        tracks, gone = follow(self.tracks, faces, now, OPTIONS, self.next_number)
        whose = {id(face): (person, good) for person, (face, good) in seen.items()}
        by_number = {one.number: whose[id(one.detection)] for one in tracks if one.seen_at == now}
        probes = {number: axis(*np.eye(4)[person]) for number, (person, good) in by_number.items() if good}
        self.lost = (*self.lost, *(one for one in gone if one.number in self.looks))
        crowd = Crowd(
            tracks=tracks,
            before=before,
            lost=self.lost,
            next_number=max([self.next_number, *(one.number + 1 for one in tracks)]),
        )
        settled = settle(crowd, probes, self.looks, FLOOR, now, OPTIONS)
        self.check(settled, by_number, probes, crowd)
        self.tracks, self.next_number = settled.tracks, settled.next_number
        self.lost = (*settled.lost, *settled.ended)

    def check(
        self,
        settled: Settled,
        by_number: dict[int, tuple[int, bool]],
        probes: dict[int, Tensor],
        crowd: Crowd,
    ) -> None:
        numbers = [one.number for one in settled.tracks]
        assert len(numbers) == len(set(numbers)), "one track, one number"
        everybody = [*numbers, *(one.number for one in (*settled.lost, *settled.ended))]
        assert len(everybody) == len(set(everybody)), "nobody is both there and gone"
        assert sorted(settled.number) == sorted(by_number), "every face has a track"
        assert len(set(settled.number.values())) == len(settled.number), "one face, one track"
        told = {one.number: one.detection for one in settled.tracks if one.seen_at == at(self.seconds)}
        given = {one.number: one.detection for one in crowd.tracks}
        assert told == {new: given[old] for old, new in settled.number.items()}
        for young, old in settled.renamed.items():
            self.people[old] |= self.people.pop(young, set())
        for number, probe in probes.items():
            owner = settled.number[number]
            self.people.setdefault(owner, set()).add(by_number[number][0])
            self.looks[owner] = probe[None]
            assert len(self.people[owner]) == 1, "the shots of two people never meet"
            (mine,) = (one for one in settled.tracks if one.number == owner)
            assert not mine.doubtful


TestCrossing = Crossing.TestCase
TestCrossing.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
