"""Frames that a camera should not give: each has an outcome, and none of them opens a door or ends a visit."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from edgeface import bar as bars
from edgeface.decide import Decision, Outcome
from edgeface.evidence import Belief
from edgeface.frame import Frame, Pixels
from edgeface.match import Gallery
from edgeface.pipeline import Options, Scene, Sighting, judge, recognise
from edgeface.quality import Refusal
from edgeface.service.bootstrap import Loaded
from edgeface.track import Options as TrackOptions
from edgeface.track import Track, follow
from fakes import detection, level
from portraits import astronaut_portrait, at, film
from test_golden import enrolled
from test_pipeline import ADA, STRANGER, Stage


def black(frame: Frame) -> Frame:
    return replace(frame, pixels=np.zeros_like(frame.pixels))


def torn(frame: Frame) -> Frame:
    """What is below the brow did not arrive: no face is left that the detector would find."""
    pixels = frame.pixels.copy()
    pixels[pixels.shape[0] // 2 :] = 128
    return replace(frame, pixels=pixels)


def torn_at_the_mouth(frame: Frame) -> Frame:
    """Of a face that the detector still finds, part is missing."""
    pixels = frame.pixels.copy()
    pixels[308:] = 128
    return replace(frame, pixels=pixels)


def again(frame: Frame) -> Frame:
    """The second frame, delivered once more."""
    return replace(frame, captured_at=at(0.1))


def stuck(frame: Frame) -> Frame:
    """The second frame's picture, as if it were new: a camera that stands still, or a picture on a loop."""
    return replace(list(film(astronaut_portrait(), 0.2))[1], captured_at=frame.captured_at)


def earlier(frame: Frame) -> Frame:
    return replace(frame, captured_at=at(0.0))


FAULTS = (black, torn, torn_at_the_mouth, again, earlier, stuck)


class Reader:
    """The shipped models before a film."""

    def __init__(self, loaded: Loaded, people: Gallery) -> None:
        self.loaded, self.people, self.scene = loaded, people, Scene()
        self.options, self.identities = Options(), count()

    def see(self, frame: Frame) -> tuple[tuple[Sighting, ...], tuple[Decision, ...]]:
        self.scene, seen = recognise(frame, self.scene, self.loaded.models, self.people, self.options)
        bar = level(self.people, self.loaded.floor)
        self.scene, told = judge(
            self.scene, self.people, bar, None, self.options, frame.captured_at, lambda: f"id{next(self.identities)}"
        )
        return seen, told

    @property
    def belief(self) -> Belief | None:
        return next(iter(self.scene.beliefs.values()), None)


@pytest.fixture(scope="module")
def people(loaded: Loaded, astronaut: Pixels) -> Gallery:
    return enrolled(loaded, p_eileen=astronaut)


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda spoil: spoil.__name__)
def test_bad_frames_add_no_shot_and_do_not_end_the_visit(
    loaded: Loaded, people: Gallery, astronaut: Pixels, spoil: Callable[[Frame], Frame]
) -> None:
    """Two good frames, three bad ones, and the door opens on the next good one: one visitor, three shots."""
    frames, reader = list(film(astronaut, 0.7)), Reader(loaded, people)
    for frame in frames[:2]:
        assert reader.see(frame)[1] == ()
    before = reader.belief
    assert before is not None
    for frame in frames[2:5]:
        seen, told = reader.see(spoil(frame))
        assert told == ()
        assert (seen == ()) is (spoil in (black, torn, again, earlier))
        if spoil is torn_at_the_mouth:
            (one,) = seen
            assert one.view is not None
            assert Refusal.TORN in {refused.refusal for refused in one.view.quality.refusals}
    after = reader.belief
    assert after is not None
    assert (after.shots, after.shot_at) == (before.shots, before.shot_at)
    (decision,) = reader.see(frames[5])[1]
    assert (decision.outcome, decision.shots, decision.track) == (Outcome.GRANT, 3, 1)


def test_a_camera_that_only_gives_black_sees_nobody(loaded: Loaded, people: Gallery, astronaut: Pixels) -> None:
    reader = Reader(loaded, people)
    assert [reader.see(black(frame)) for frame in film(astronaut, 1.0)] == [((), ())] * 10
    assert (reader.scene.tracks, reader.scene.lost, reader.scene.albums) == ((), (), {})


@pytest.mark.parametrize(("who", "outcomes"), [(ADA, {Outcome.GRANT}), (STRANGER, {Outcome.UNKNOWN})])
def test_a_visitor_who_stays_for_an_hour_fills_no_memory(who: np.ndarray, outcomes: set[Outcome]) -> None:
    """He steps aside every twelve seconds and is back at once, and the detector blinks: the scene does not grow."""
    stage, sizes, told = Stage(options=Options()), [], list[Decision]()
    stage.light = stage.light[:240, :320]
    for minute in range(60):
        for second in range(0, 60, 12):
            at_s = 60.0 * minute + second
            told += stage.frame(at_s, (detection(side=80), who))
            told += stage.frame(at_s + 0.3)
            told += stage.frame(at_s + 0.6, (detection(side=80), who))
        sizes.append(len(pickle.dumps(stage.scene)))
    assert {decision.outcome for decision in told} <= outcomes
    assert max(sizes[10:]) <= 1.2 * max(sizes[:10])


def test_a_track_of_an_hour_is_one_track() -> None:
    """Two frames a second, a head that sways."""
    tracks: tuple[Track, ...] = ()
    places = np.round(100 + 20 * np.sin(np.arange(7_200) / 7), 1)
    for index, x in enumerate(places):
        tracks, ended = follow(tracks, (detection(x=float(x)),), at(index / 2), TrackOptions(), 1)
        assert not ended
    (track,) = tracks
    assert (track.number, track.started_at, track.seen_at) == (1, at(0), at(3599.5))


@pytest.mark.parametrize(
    ("measured", "reason"),
    [(True, "nobody enrolled is alike enough"), (False, "two people enrolled are equally alike")],
)
def test_a_person_enrolled_under_two_names_is_let_in_as_neither(
    loaded: Loaded, astronaut: Pixels, measured: bool, reason: str
) -> None:
    """Neither name may be told for the other: by the gallery's own bar, or by the lead over the next."""
    twice = enrolled(loaded, p_eileen=astronaut, p_grace=astronaut)
    bar = bars.derive(twice, loaded.models.embedder.spec)
    assert [pair[:2] for pair in bar.too_alike] == [("p_eileen", "p_grace")]
    scene, told = Scene(), list[Decision]()
    for frame in film(astronaut, 2.0):
        now = frame.captured_at
        scene, _ = recognise(frame, scene, loaded.models, twice, Options())
        asked = bar if measured else level(twice, loaded.floor)
        scene, decisions = judge(scene, twice, asked, None, Options(), now, lambda: "id")
        told += decisions
    assert [(one.outcome, one.person_id) for one in told] == [(Outcome.UNKNOWN, None)]
    assert told[0].reason.startswith(reason)
