"""A guided enrolment: what it asks for, what it takes, and what ends it. Faces made by hand, time as it is told."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edgeface.enrol import NO_FACE, SEVERAL_FACES, Bin, Portrait, Unfit, bin_of
from edgeface.enrol.session import (
    AGAIN,
    ENDED,
    Guided,
    Session,
    Stage,
    advance,
    begin,
    confirm,
    filled,
    missing,
    progress,
    wanted,
)
from edgeface.pose import Pose
from edgeface.quality import Refusal, Refused
from portraits import at
from shots import made, near, person

APART = 0.29
TURNS = {
    Bin.FRONTAL: (0.0, 0.0),
    Bin.LEFT: (-25.0, 0.0),
    Bin.RIGHT: (25.0, 0.0),
    Bin.UP: (0.0, 22.0),
    Bin.DOWN: (0.0, -22.0),
}


def face(where: Bin, seed: int, who: int = 1) -> Portrait:
    yaw, pitch = TURNS[where]
    return made(near(person(who), 100 + seed), yaw_deg=yaw, pitch_deg=pitch)


def refused(refusal: Refusal, measure: str, value: float, limit: float) -> Unfit:
    pose = Pose(yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0)
    why = Refused(refusal=refusal, measure=measure, value=value, limit=limit)
    return Unfit(kind=refusal.value, advice=why.advice, pose=pose, refused=(why,))


CROWD = Unfit(kind=SEVERAL_FACES, advice="2 faces found: crop the picture")
NOBODY = Unfit(kind=NO_FACE, advice="no face found")


@dataclass
class Film:
    """A session that is fed one picture every half second."""

    asked: Guided
    session: Session
    now_s: float = 0.0

    @classmethod
    def of(cls, asked: Guided | None = None, *, glasses: bool = False) -> Film:
        return cls(asked or Guided(), begin(at(0.0), glasses=glasses))

    def show(self, *found: Portrait | Unfit | None, after_s: float = 0.5) -> Session:
        for one in found:
            self.now_s += after_s
            self.session = advance(self.session, one, at(self.now_s), APART, self.asked)
        return self.session

    def all_round(self, *, first: int = 0, bins: tuple[Bin, ...] = tuple(Bin)) -> Session:
        return self.show(*(face(one, first + 2 * index + n) for index, one in enumerate(bins) for n in (0, 1)))


def test_a_head_that_goes_all_round_is_done() -> None:
    film = Film.of()
    done = film.all_round()
    assert done.stage is Stage.DONE
    assert [one.bin for one in done.taken] == [one for one in Bin for _ in (0, 1)]
    assert progress(done, film.asked) == 1.0
    assert missing(done, film.asked) == ()
    assert done.taken[2].source == "guided: left"


def test_each_side_is_asked_for_in_plain_words() -> None:
    film = Film.of()
    said = [film.session.hint]
    for index, one in enumerate(Bin):
        film.show(face(one, 2 * index))
        assert film.session.hint in ("good, hold it", "thank you, that is all")
        said.append(film.show(face(one, 2 * index + 1)).hint)
    assert said == [
        "look straight at the camera",
        "turn your head a little to your left",
        "turn your head a little to your right",
        "lift your chin a little",
        "lower your chin a little",
        "thank you, that is all",
    ]


def test_a_head_that_has_begun_to_turn_is_told_to_turn_more() -> None:
    film = Film.of()
    film.show(face(Bin.FRONTAL, 0), face(Bin.FRONTAL, 1))
    assert film.show(made(near(person(1), 5), yaw_deg=-10.0)).hint == "a little more to your left"
    assert film.show(made(near(person(1), 6), yaw_deg=10.0)).hint == "turn your head a little to your left"


@pytest.mark.parametrize("rest_deg", [-10.0, 0.0, 10.0])
def test_up_and_down_are_counted_from_where_the_person_looked_ahead(rest_deg: float) -> None:
    """Some look ahead with the chin high, as the pose is measured: they need lift it no less than others."""
    film = Film.of()

    def chin(pitch_deg: float, seed: int) -> Portrait:
        return made(near(person(1), seed), pitch_deg=rest_deg + pitch_deg)

    film.show(chin(-1.0, 1), chin(1.0, 2))
    assert filled(film.session, film.asked)[Bin.FRONTAL] == 1
    film.show(chin(13.0, 3), chin(-13.0, 4))
    assert missing(film.session, film.asked) == (Bin.LEFT, Bin.RIGHT, Bin.UP, Bin.DOWN)
    film.show(chin(17.0, 5), chin(17.0, 6), chin(-17.0, 7), chin(-17.0, 8))
    assert missing(film.session, film.asked) == (Bin.LEFT, Bin.RIGHT)
    assert film.session.heading is not None
    assert film.session.heading.pitch_deg == pytest.approx(-17)


def test_any_missing_side_counts_but_the_face_from_the_front_comes_first() -> None:
    film = Film.of()
    assert film.show(face(Bin.UP, 0)).taken == ()
    film.show(face(Bin.FRONTAL, 1), face(Bin.FRONTAL, 2), face(Bin.UP, 3), face(Bin.RIGHT, 4))
    assert [one.bin for one in film.session.taken] == [Bin.FRONTAL, Bin.FRONTAL, Bin.UP, Bin.RIGHT]
    assert wanted(film.session, film.asked) is Bin.LEFT


def test_a_full_side_takes_no_more() -> None:
    film = Film.of()
    film.show(*(face(Bin.FRONTAL, seed) for seed in range(5)))
    assert len(film.session.taken) == 2


def test_the_same_picture_counts_once_and_two_at_once_count_as_one() -> None:
    film = Film.of()
    film.show(face(Bin.FRONTAL, 0), face(Bin.FRONTAL, 0))
    assert len(film.session.taken) == 1
    film.show(face(Bin.FRONTAL, 1))
    film.show(face(Bin.LEFT, 2))
    assert len(film.show(face(Bin.LEFT, 3), after_s=0.1).taken) == 3


def test_a_picture_that_is_no_newer_changes_nothing() -> None:
    film = Film.of()
    before = film.show(face(Bin.FRONTAL, 0))
    assert film.show(face(Bin.FRONTAL, 1), after_s=0.0) is before
    assert film.show(face(Bin.FRONTAL, 1), after_s=-0.4) is before


def test_a_second_face_stops_it_until_it_is_gone() -> None:
    film = Film.of()
    film.show(face(Bin.FRONTAL, 0))
    crowded = film.show(CROWD)
    assert (crowded.stage, len(crowded.taken)) == (Stage.CROWDED, 1)
    assert crowded.hint.startswith("one person at a time")
    assert film.show(face(Bin.FRONTAL, 1)).stage is Stage.LOOKING
    assert film.show(CROWD, CROWD).stage is Stage.CROWDED
    assert film.show(*[CROWD] * 40).stage is Stage.TIMED_OUT


def test_somebody_else_is_noticed_and_ends_it() -> None:
    film = Film.of()
    film.show(face(Bin.FRONTAL, 0), face(Bin.FRONTAL, 1))
    assert "does not look like the same person" in film.show(face(Bin.LEFT, 2, who=2)).hint
    assert film.session.stage is Stage.LOOKING
    ended = film.show(face(Bin.LEFT, 3, who=2), face(Bin.LEFT, 4, who=2))
    assert ended.stage is Stage.OTHER_PERSON
    assert {one.bin for one in ended.taken} == {Bin.FRONTAL}
    assert film.show(face(Bin.LEFT, 5)) is ended


def test_one_odd_picture_is_forgiven() -> None:
    film = Film.of()
    film.show(face(Bin.FRONTAL, 0), face(Bin.FRONTAL, 1))
    for index in range(4):
        film.show(face(Bin.LEFT, 10 + index, who=2), face(Bin.LEFT, 20 + index, who=2), face(Bin.LEFT, 30 + index))
    assert film.session.stage is Stage.LOOKING
    assert len(film.session.taken) == 4


def test_what_is_dark_is_told_before_what_follows_from_it() -> None:
    film = Film.of()
    grey = refused(Refusal.LOW_CONTRAST, "dynamic_range", 10, 30).refused
    dark = refused(Refusal.TOO_DARK, "brightness", 14, 18)
    both = Unfit(kind="low_contrast", advice="", pose=dark.pose, refused=(*grey, *dark.refused))
    assert film.show(both).hint == "too dark: brightness 14, at least 18 needed"
    assert film.show(NOBODY).hint == "come before the camera"
    assert film.session.heading is None
    assert film.show(refused(Refusal.POSE, "yaw_deg", 55, 50)).hint.startswith("turn 5 degrees less to your right")


def test_time_runs_out_without_progress_and_says_what_is_missing() -> None:
    film = Film.of(Guided(step_s=10.0))
    film.show(*(face(Bin.FRONTAL, seed) for seed in range(2)))
    assert film.show(*[NOBODY] * 20).stage is Stage.LOOKING
    late = film.show(NOBODY)
    assert late.stage is Stage.TIMED_OUT
    assert late.hint == "out of time; still missing: left, right, up, down"


def test_time_runs_out_in_the_end_and_while_no_picture_comes() -> None:
    film = Film.of(Guided(step_s=10.0, total_s=12.0))
    film.show(face(Bin.FRONTAL, 0), face(Bin.FRONTAL, 1), after_s=5.0)
    assert film.show(None, after_s=1.9).stage is Stage.LOOKING
    assert film.show(None, after_s=0.2).stage is Stage.TIMED_OUT


def test_glasses_are_changed_in_the_middle() -> None:
    film = Film.of(glasses=True)
    waiting = film.all_round()
    assert waiting.stage is Stage.GLASSES
    assert progress(waiting, film.asked) == pytest.approx(10 / 16)
    assert film.show(face(Bin.FRONTAL, 50)).taken == waiting.taken
    film.session = confirm(film.session, at(film.now_s))
    done = film.all_round(first=60, bins=AGAIN)
    assert done.stage is Stage.DONE
    assert done.taken[-1].source == "guided: right, glasses changed"
    assert (len(done.taken), progress(done, film.asked)) == (16, 1.0)
    assert confirm(done, at(99.0)) is done


@pytest.mark.parametrize(
    "options",
    [
        {"bins": (Bin.LEFT,)},
        {"bins": (Bin.FRONTAL, Bin.FRONTAL)},
        {"per_bin": 0},
        {"step_s": 0.5},
        {"step_s": 30.0, "total_s": 20.0},
        {"strangers": 0},
        {"interval_s": float("nan")},
    ],
)
def test_options_out_of_range(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        Guided(**options)  # type: ignore[arg-type]


class Sessions(RuleBasedStateMachine):
    """Anything may come before the camera, at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = Guided(per_bin=2, step_s=6.0, total_s=60.0)
        self.session, self.now_s, self.seed = begin(at(0.0), glasses=True), 0.0, 0
        self.confirmed = False

    def step(self, found: Portrait | Unfit | None, after_s: float) -> None:
        before, self.now_s = self.session, max(0.0, self.now_s + after_s)
        self.session = advance(before, found, at(self.now_s), APART, self.asked)
        if before.stage in ENDED or not self.session.newest_at.seconds_since(before.newest_at) > 0:
            assert self.session is before
        if isinstance(found, Unfit) or found is None:
            assert self.session.taken == before.taken
        assert len(self.session.taken) - len(before.taken) in (0, 1)
        assert progress(self.session, self.asked) >= progress(before, self.asked)

    @rule(where=st.sampled_from(Bin), who=st.sampled_from([1, 1, 1, 2]), after_s=st.floats(-0.5, 2.0))
    def a_face(self, where: Bin, who: int, after_s: float) -> None:
        self.seed += 1
        self.step(face(where, self.seed, who), after_s)

    @rule(after_s=st.floats(0.4, 0.6))
    def what_is_asked_for(self, after_s: float) -> None:
        self.seed += 1
        self.step(face(wanted(self.session, self.asked) or Bin.FRONTAL, self.seed), after_s)

    @rule(found=st.sampled_from([CROWD, NOBODY, None]), after_s=st.floats(-0.5, 3.0))
    def no_face(self, found: Unfit | None, after_s: float) -> None:
        self.step(found, after_s)

    @rule()
    def glasses(self) -> None:
        self.confirmed = self.confirmed or self.session.stage is Stage.GLASSES
        self.session = confirm(self.session, at(self.now_s))

    @invariant()
    def one_person_and_no_more_than_asked(self) -> None:
        assert self.session.hint
        for again in (False, True):
            seen = [one for one in self.session.taken if one.again is again]
            assert all(sum(one.bin is each for one in seen) <= self.asked.per_bin for each in Bin)
        assert all(bin_of(one.portrait.pose) is one.bin for one in self.session.taken)
        first = self.session.taken[0].portrait.embedding.vector if self.session.taken else None
        assert all(float(one.portrait.embedding.vector @ first) > 0.5 for one in self.session.taken)

    @invariant()
    def done_means_all_was_seen_in_time(self) -> None:
        if self.session.stage is Stage.DONE:
            assert all(share == 1 for share in filled(self.session, self.asked).values())
            assert self.confirmed
            assert len(self.session.taken) == 16
            assert self.session.newest_at.seconds_since(self.session.begun_at) <= self.asked.total_s


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


@given(st.lists(st.sampled_from(Bin), min_size=10, max_size=60))
def test_whatever_the_order_it_ends_once_all_has_been_seen(order: list[Bin]) -> None:
    film = Film.of()
    for seed, where in enumerate(order):
        film.show(face(where, seed))
    complete = film.session.stage is Stage.DONE
    assert complete == (not missing(film.session, film.asked))
