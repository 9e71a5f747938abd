"""One visitor keeps one number, and no number is used twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edgeface.detect import Detection
from edgeface.track import Options, Track, focus, follow
from fakes import detection
from portraits import at

OPTIONS = Options()
Tracks = tuple[Track, ...]


def walk(*frames: tuple[float, tuple[Detection, ...]], options: Options = OPTIONS) -> list[tuple[Tracks, Tracks]]:
    """What `follow` says of a film: (moment, faces) a frame."""
    tracks: Tracks = ()
    told, number = [], 1
    for seconds, faces in frames:
        tracks, ended = follow(tracks, faces, at(seconds), options, number)
        number = max([number, *(track.number + 1 for track in tracks)])
        told.append((tracks, ended))
    return told


def numbers(tracks: Tracks) -> list[int]:
    return [track.number for track in tracks]


def test_a_new_face_begins_a_track() -> None:
    face = detection()
    ((tracks, ended),) = walk((0.0, (face,)))
    (track,) = tracks
    assert ended == ()
    assert (track.number, track.detection, track.velocity_px_s) == (1, face, (0.0, 0.0))
    assert track.started_at == track.seen_at == at(0)


def test_a_walking_head_keeps_its_number_and_its_newest_sighting() -> None:
    faces = [detection(x=100 + 20 * index) for index in range(10)]
    told = walk(*((index / 10, (face,)) for index, face in enumerate(faces)))
    assert [numbers(tracks) for tracks, _ in told] == [[1]] * 10
    (last,) = told[-1][0]
    assert last.detection is faces[-1]
    assert last.started_at == at(0)
    assert last.seen_at == at(0.9)
    assert last.velocity_px_s == pytest.approx((200, 0), rel=0.01)


def test_a_fast_head_is_found_where_its_motion_leads() -> None:
    """80 px a frame, 0.11 of overlap with the box before: only the prediction links it."""
    faces = [detection(x=x) for x in (100, 130, 180, 250, 330, 410, 490)]
    told = walk(*((index / 10, (face,)) for index, face in enumerate(faces)))
    assert numbers(told[-1][0]) == [1]


def test_a_face_elsewhere_is_somebody_else() -> None:
    told = walk((0.0, (detection(x=100),)), (0.1, (detection(x=400),)))
    assert numbers(told[-1][0]) == [1, 2]


def test_a_faint_face_keeps_a_track_alive_and_begins_none() -> None:
    faint = [replace(detection(x=100 + 10 * index), faint=True, score=0.4) for index in range(20)]
    told = walk((0.0, (detection(x=100),)), *((index / 10, (face,)) for index, face in enumerate(faint[1:], 1)))
    assert [numbers(tracks) for tracks, _ in told] == [[1]] * 20
    assert walk((0.0, (faint[0],)))[0] == ((), ())


def test_a_sure_face_is_linked_before_a_faint_one() -> None:
    faint, sure = replace(detection(x=100), faint=True), detection(x=130)
    ((track,), _) = walk((0.0, (detection(x=100),)), (0.1, (faint, sure)))[-1]
    assert track.detection is sure


def test_a_near_face_may_have_jumped_there() -> None:
    """At two frames a second a walking head is a width away: the same track, but in doubt. A larger face is another."""
    ((track,), _) = walk((0.0, (detection(x=100),)), (0.35, (detection(x=190),)))[-1]
    assert (track.number, track.doubtful) == (1, True)
    told = walk((0.0, (detection(x=100),)), (0.35, (detection(x=190, side=170),)))
    assert numbers(told[-1][0]) == [1, 2]


@pytest.mark.parametrize(
    ("frames", "doubtful"),
    [
        (((0.0, (detection(x=100),)), (0.1, (detection(x=110),))), [False]),
        (((0.0, (detection(x=100),)), (0.1, ()), (0.2, (detection(x=100),))), [True]),
        (((0.0, (detection(x=100),)), (0.5, (detection(x=100),))), [True]),
        (((0.0, (detection(x=100),)), (0.1, (detection(x=140),))), [True]),
        (((0.0, (detection(x=100),)), (0.1, (replace(detection(x=100), faint=True),))), [True]),
        (((0.0, (detection(x=100), detection(x=180))),), [True, True]),
        (((0.0, (detection(x=100), detection(x=210))),), [False, False]),
    ],
    ids=["steady", "missed", "paused", "jumped", "faint", "touching", "apart"],
)
def test_when_somebody_else_may_stand_there(
    frames: tuple[tuple[float, tuple[Detection, ...]], ...], doubtful: list[bool]
) -> None:
    assert [track.doubtful for track in walk(*frames)[-1][0]] == doubtful


def test_the_nearest_are_looked_at_first() -> None:
    faces = tuple(detection(x=150 * place, side=side) for place, side in enumerate((40, 90, 60, 90, 20)))
    ((tracks, _),) = walk((0.0, faces))
    assert focus(tracks, Options(most_looked_at=3)) == {2, 4, 3}
    assert focus(tracks, Options(most_looked_at=9)) == {1, 2, 3, 4, 5}
    assert focus((), OPTIONS) == frozenset()


def test_two_visitors_crossing_far_apart_keep_their_numbers() -> None:
    """One passes to the right in the upper half, one to the left in the lower half; listed in changing order."""
    frames = []
    for index in range(20):
        right, left = detection(x=20 * index, y=50), detection(x=400 - 20 * index, y=300)
        frames.append((index / 10, (right, left) if index % 2 else (left, right)))
    told = walk(*frames)
    where = {1: 300, 2: 50}  # the first list begins with the lower one
    for tracks, _ in told:
        assert {track.number: round(track.detection.box.y) for track in tracks} == where


def test_a_blink_is_bridged_and_an_absence_ends() -> None:
    options = Options(patience_s=0.7)
    told = walk((0.0, (detection(),)), (0.6, ()), (0.7, ()), (0.8, ()), (0.9, (detection(),)), options=options)
    assert [(numbers(tracks), numbers(ended)) for tracks, ended in told] == [
        ([1], []),
        ([1], []),
        ([1], []),
        ([], [1]),
        ([2], []),
    ]


def test_after_a_pause_the_same_place_is_somebody_else() -> None:
    """The camera was away: whoever stands there now must not inherit the shots of the former visitor."""
    told = walk((0.0, (detection(),)), (5.0, (detection(),)))
    assert [(numbers(tracks), numbers(ended)) for tracks, ended in told] == [([1], []), ([2], [1])]


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_overlap": 0.0},
        {"min_overlap": 1.0},
        {"patience_s": 0.0},
        {"patience_s": float("nan")},
        {"min_overlap": float("nan")},
        {"max_jump": -0.1},
        {"max_jump": float("nan")},
        {"memory_s": -1.0},
        {"memory_s": float("nan")},
        {"min_likeness": 0.0},
        {"min_likeness": 1.5},
        {"min_likeness_in_doubt": 2.5},
        {"most_looked_at": 0},
    ],
)
def test_options_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Options(**wrong)


@given(st.permutations(range(5)), st.permutations(range(5)))
def test_the_best_overlaps_link_whatever_the_order(first: list[int], second: list[int]) -> None:
    xs = [0, 150, 300, 450, 600]
    told = walk(
        (0.0, tuple(detection(x=xs[index]) for index in first)),
        (0.1, tuple(detection(x=xs[index] + 10) for index in second)),
    )
    before = {track.number: track.detection.box.x for track in told[0][0]}
    after = {track.number: track.detection.box.x for track in told[1][0]}
    assert after == {number: x + 10 for number, x in before.items()}


class Following(RuleBasedStateMachine):
    """Any film: faces anywhere, at any pace."""

    @initialize(patience=st.floats(0.1, 2))
    def start(self, patience: float) -> None:
        self.options = Options(patience_s=patience)
        self.tracks: Tracks = ()
        self.over: set[int] = set()
        self.next_number, self.seconds = 1, 0.0

    @rule(
        step=st.one_of(st.floats(0.02, 0.3), st.floats(0.3, 3)),
        places=st.lists(
            st.tuples(st.floats(-50, 500), st.floats(-50, 300), st.floats(20, 200), st.booleans()), max_size=5
        ),
    )
    def frame(self, step: float, places: list[tuple[float, float, float, bool]]) -> None:
        before = {track.number: track for track in self.tracks}
        self.seconds += step
        now = at(self.seconds)
        faces = tuple(replace(detection(x=x, y=y, side=side), faint=faint) for x, y, side, faint in places)
        self.tracks, ended = follow(self.tracks, faces, now, self.options, self.next_number)
        seen = [track for track in self.tracks if track.seen_at == now]
        told = [id(track.detection) for track in seen]
        assert len(told) == len(set(told)), "one face, one track"
        assert {id(face) for face in faces if not face.faint} <= set(told) <= set(map(id, faces))
        assert all(track.number in before for track in seen if track.detection.faint)
        fresh = [track.number for track in self.tracks if track.number not in before]
        assert fresh == list(range(self.next_number, self.next_number + len(fresh)))
        late = {n for n, track in before.items() if now.seconds_since(track.seen_at) > self.options.patience_s}
        assert set(numbers(ended)) == late
        assert set(before) - late <= set(numbers(self.tracks))
        self.over |= late
        self.next_number += len(fresh)

    @invariant()
    def numbers_are_unique_and_ascend(self) -> None:
        if not hasattr(self, "tracks"):
            return
        assert numbers(self.tracks) == sorted(set(numbers(self.tracks)))
        assert not self.over & set(numbers(self.tracks))

    @invariant()
    def motion_is_finite(self) -> None:
        assert all(np.isfinite(track.velocity_px_s).all() for track in getattr(self, "tracks", ()))


TestFollowing = Following.TestCase
TestFollowing.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
