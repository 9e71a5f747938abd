"""Turns of the head in an order drawn by chance: what passes, what fails, and that nothing else passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edgeface import liveness
from edgeface.detect import Detection, PixelBox
from edgeface.liveness import Check, Kind, Record, challenge
from edgeface.liveness.challenge import Ask, Challenge, Glimpse, Options, Stand, begin, prompt, step
from portraits import at

OPTIONS = Options()
Yaw = Callable[[float, Challenge], float]
"""Seconds, and the challenge as the visitor sees it -> where the head points."""


def glimpse(seconds: float, yaw_deg: float, *, jumped: bool = False) -> Glimpse:
    return Glimpse(at=at(seconds), yaw_deg=yaw_deg, jumped=jumped)


def play(yaw: Yaw, *, chance: int = 7, options: Options = OPTIONS, seconds: float = 30.0) -> Challenge:
    """Ten frames a second, until it is over."""
    now = begin((chance,), at(0.0), options)
    for index in range(round(10 * seconds)):
        now = step(now, glimpse(index / 10, yaw(index / 10, now)), options)
        if now.stand is not Stand.OPEN:
            break
    return now


SIDE = {Ask.LEFT: -1.0, Ask.MIDDLE: 0.0, Ask.RIGHT: 1.0}


class Visitor:
    """Does what is asked, half a second later, wherever the middle is."""

    def __init__(self, *, middle_deg: float = 0.0, reach_deg: float = 25.0, delay_s: float = 0.5) -> None:
        self.middle_deg, self.reach_deg, self.delay_s = middle_deg, reach_deg, delay_s
        self.heard: tuple[float, Ask | None] = (0.0, None)
        self.at_deg = middle_deg

    def __call__(self, seconds: float, seen: Challenge) -> float:
        shown = prompt(seen)
        ask = shown.ask if shown else None
        if ask is not self.heard[1]:
            self.heard = seconds, ask
        if seconds - self.heard[0] >= self.delay_s:
            aim = {Ask.LEFT: -1.0, Ask.RIGHT: 1.0}.get(ask or Ask.MIDDLE, 0.0)
            self.at_deg += float(np.clip(self.middle_deg + aim * self.reach_deg - self.at_deg, -12, 12))
        return self.at_deg


@pytest.mark.parametrize("middle_deg", [0.0, 14.0, -14.0])
@pytest.mark.parametrize("chance", range(6))
def test_who_turns_as_asked_passes(middle_deg: float, chance: int) -> None:
    assert play(Visitor(middle_deg=middle_deg), chance=chance).stand is Stand.PASSED


def test_the_order_is_drawn_and_the_same_for_the_same_numbers() -> None:
    drawn = [begin((number, 1), at(0.0), OPTIONS) for number in range(200)]
    assert drawn[5] == begin((5, 1), at(0.0), OPTIONS)
    orders = {one.asks for one in drawn}
    assert len(orders) == 2**OPTIONS.turns
    assert len({one.waits_s for one in drawn}) == 200
    lefts = sum(one.asks[0] is Ask.LEFT for one in drawn)
    assert 70 < lefts < 130


def test_prompts_follow_one_another() -> None:
    said: list[tuple[Ask, int]] = []
    visitor = Visitor()

    def watching(seconds: float, seen: Challenge) -> float:
        shown = prompt(seen)
        if shown is not None and (shown.ask, shown.turn) not in said[-1:]:
            said.append((shown.ask, shown.turn))
        return visitor(seconds, seen)

    done = play(watching)
    first, second, third = done.asks
    assert said == [
        (Ask.MIDDLE, 1), (first, 1), (Ask.MIDDLE, 2), (second, 2), (Ask.MIDDLE, 3), (third, 3), (Ask.MIDDLE, 3)
    ]  # fmt: skip
    assert prompt(done) is None


def test_the_head_stays_in_the_middle_for_as_long_as_was_drawn() -> None:
    """So that no film keeps step with the prompts."""
    asked_at: list[float] = []
    seen = begin((7,), at(0.0), replace(OPTIONS, reaction_s=0.0))
    middle_since = 0.0
    for index in range(2000):  # a very fast camera, and a visitor who is faster
        seconds = index / 100
        before = seen
        aim = SIDE[seen.asks[seen.done]] if seen.turning else 0.0
        seen = step(seen, glimpse(seconds, 25.0 * aim), replace(OPTIONS, reaction_s=0.0))
        if seen.turning and not before.turning:
            asked_at.append(seconds - middle_since)
        if before.turning and not seen.turning:
            middle_since = seconds
    assert seen.stand is Stand.PASSED
    assert asked_at == pytest.approx(seen.waits_s, abs=0.05)


def test_the_other_side_is_wrong() -> None:
    assert play(Visitor(reach_deg=-25.0)).stand is Stand.WRONG


def test_a_head_that_never_turns_is_too_late() -> None:
    late = play(lambda seconds, seen: 1.0)
    assert late.stand is Stand.TOO_LATE
    assert late.seen_at is not None
    assert late.seen_at.seconds_since(late.begun_at) < OPTIONS.step_s + 2


def test_a_small_turn_does_not_count_and_neither_does_staying_turned() -> None:
    assert play(Visitor(reach_deg=10.0)).stand is Stand.TOO_LATE
    assert play(lambda seconds, seen: 40.0).stand is Stand.OPEN  # never in the middle: nothing is asked for

    def stays(seconds: float, seen: Challenge) -> float:
        return 0.0 if seen.done == 0 and not seen.turning else 25.0 * (1 if seen.asks[0] is Ask.RIGHT else -1)

    stuck = play(stays, options=replace(OPTIONS, reaction_s=0.0))
    assert (stuck.stand, stuck.done) == (Stand.TOO_LATE, 1)


def test_a_turn_before_anybody_could_react_is_too_early() -> None:
    def hasty(seconds: float, seen: Challenge) -> float:
        sign = 1 if seen.asks[seen.done] is Ask.RIGHT else -1
        return 25.0 * sign if seen.turning else 0.0

    now = begin((7,), at(0.0), OPTIONS)
    for index in range(400):  # a fast camera
        now = step(now, glimpse(index / 40, hasty(index / 40, now)), OPTIONS)
    assert now.stand is Stand.TOO_EARLY


@pytest.mark.parametrize("order", [(1, 1, 1), (-1, -1, -1), (1, -1, 1), (-1, 1, -1), (1, 1, -1)])
def test_a_film_passes_in_its_own_order_only(order: tuple[int, ...]) -> None:
    """Even one that pauses until each prompt is there."""
    asks = tuple(Ask.RIGHT if side > 0 else Ask.LEFT for side in order)
    for chance in range(40):
        visitor = Visitor()

        def film(seconds: float, seen: Challenge, visitor: Visitor = visitor) -> float:
            return visitor(seconds, replace(seen, asks=asks))

        done = play(film, chance=chance)
        assert (done.stand is Stand.PASSED) == (done.asks == asks)
        assert done.stand in (Stand.PASSED, Stand.WRONG)


def test_a_film_that_takes_its_course_passes_no_more_often_than_by_chance() -> None:
    passed = 0
    for chance in range(200):
        draw = np.random.default_rng(chance)
        period, phase = draw.uniform(1.5, 4.0), draw.uniform(0, 6)
        done = play(lambda s, seen, p=period, f=phase: 28 * float(np.sin(2 * np.pi * s / p + f)), chance=chance)  # type: ignore[misc]
        passed += done.stand is Stand.PASSED
    assert passed <= 40  # one in eight would be 25


def test_a_face_that_jumps_or_goes_begins_anew_and_undoes_what_was_passed() -> None:
    done = play(Visitor())
    assert done.seen_at is not None
    later_s = done.seen_at.seconds_since(at(0.0))
    assert step(done, glimpse(later_s + 0.1, 0.0), OPTIONS).stand is Stand.PASSED
    assert step(done, glimpse(later_s + 0.1, 0.0, jumped=True), OPTIONS).stand is Stand.JUMPED
    assert step(done, glimpse(later_s + OPTIONS.gap_s + 0.1, 0.0), OPTIONS).stand is Stand.JUMPED
    half = replace(done, stand=Stand.OPEN, done=1)
    assert step(half, glimpse(later_s + 0.1, 0.0, jumped=True), OPTIONS).stand is Stand.JUMPED


def test_frames_again_or_from_before_and_yaws_that_are_no_numbers_change_nothing() -> None:
    now = step(begin((7,), at(0.0), OPTIONS), glimpse(0.0, 0.0), OPTIONS)
    assert step(now, glimpse(0.0, 30.0), OPTIONS) is now
    assert step(now, glimpse(-1.0, 30.0), OPTIONS) is now
    assert step(now, glimpse(0.1, float("nan")), OPTIONS) is now


@pytest.mark.parametrize(
    "wrong",
    [{"turns": 0}, {"turns": 9}, {"turn_deg": 2.0}, {"middle_deg": 60.0}, {"hold": 0}, {"reaction_s": 5.0},
     {"step_s": 20.0}, {"within_s": 61.0}, {"gap_s": 0.0}, {"turn_deg": float("nan")}],
)  # fmt: skip
def test_options_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|step_s"):
        Options(**wrong)  # type: ignore[arg-type]


class Challenges(RuleBasedStateMachine):
    """Whatever a head does, it passes only if it did all that was asked, in that order and in time."""

    def __init__(self) -> None:
        super().__init__()
        self.challenge = begin((3, 1), at(0.0), OPTIONS)
        self.now_s = 0.0
        self.turns: list[Ask] = []
        """Clear turns away from the middle that were seen since the first prompt."""

    @rule(
        yaw=st.one_of(st.sampled_from([0.0, 25.0, -25.0]), st.floats(-60, 60), st.just(float("nan"))),
        after_s=st.sampled_from([0.1, 0.1, 0.1, 0.3, -0.1, 0.8]),
        frames=st.integers(1, 6),
        jumped=st.sampled_from([False] * 9 + [True]),
    )
    def show(self, yaw: float, after_s: float, frames: int, jumped: bool) -> None:
        for _ in range(frames):
            self._show(yaw, after_s, jumped)

    @rule(frames=st.integers(3, 8))
    def obey(self, frames: int) -> None:
        shown = prompt(self.challenge)
        aim = {Ask.LEFT: -25.0, Ask.RIGHT: 25.0}.get(shown.ask if shown else Ask.MIDDLE, 0.0)
        self._show(0.0 if self.challenge.turning else aim, 0.3, False)
        for _ in range(frames):
            self._show(aim, 0.15, False)

    def _show(self, yaw: float, after_s: float, jumped: bool) -> None:
        before = self.challenge
        self.now_s = max(0.0, self.now_s + after_s)
        self.challenge = step(before, glimpse(self.now_s, yaw, jumped=jumped), OPTIONS)
        if self.challenge.done > before.done:
            self.turns.append(Ask.RIGHT if yaw > before.middle_deg else Ask.LEFT)
            assert abs(yaw - before.middle_deg) >= OPTIONS.turn_deg
        assert self.challenge.done - before.done in (0, 1)
        if before.stand not in (Stand.OPEN, Stand.PASSED):
            assert self.challenge is before
        if before.stand is Stand.PASSED:
            assert self.challenge.stand in (Stand.PASSED, Stand.JUMPED)

    @invariant()
    def passed_means_all_was_done_in_order_and_in_time(self) -> None:
        one = self.challenge
        assert tuple(self.turns) == one.asks[: one.done]
        if one.stand is Stand.PASSED:
            assert one.done == len(one.asks)
            assert one.started_at is not None
        assert (prompt(one) is None) == (one.stand is not Stand.OPEN)


TestChallenges = Challenges.TestCase
TestChallenges.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

WANTED = liveness.Options(require=(Check.CHALLENGE,))


def face(seconds: float) -> Detection:
    x = 100.0 + np.sin(seconds)  # never quite the same
    points = np.array([[130, 140], [170, 140], [150, 162], [134, 185], [166, 185]], np.float32) + np.float32(x - 100)
    return Detection(box=PixelBox(x=x, y=100.0, w=100.0, h=120.0), landmarks=points, score=0.9, angles_deg=None)


def sighted(yaw: Yaw, *, chance: tuple[int, ...] = (7,), options: liveness.Options = WANTED) -> Record:
    record = Record()
    for index in range(200):
        seconds = index / 10
        seen = record.challenge or begin((7,), at(0.0), OPTIONS)
        record = liveness.sight(
            record, face(seconds), 1.0, at(seconds), options, yaw_deg=yaw(seconds, seen), chance=chance
        )
        if record.challenge is not None and record.challenge.stand is not Stand.OPEN:
            break
    return record


def test_a_door_that_wants_it_is_content_with_nothing_else() -> None:
    assert liveness.fault(sighted(Visitor()), WANTED, None) is None
    found = liveness.fault(sighted(Visitor(reach_deg=-25.0)), WANTED, None)
    assert found is not None
    assert (found.kind, found.rule, found.patience_s) == (Kind.ATTACK, "challenge_wrong", 0.0)
    late = liveness.fault(sighted(lambda seconds, seen: 0.0), WANTED, None)
    assert late is not None
    assert (late.kind, late.rule) == (Kind.NOT_JUDGED, "challenge_too_late")


def test_without_chance_nothing_can_be_asked_and_the_door_stays_shut() -> None:
    record = sighted(Visitor(), chance=())
    assert record.challenge is None
    found = liveness.fault(record, WANTED, None)
    assert found is not None
    assert (found.kind, found.rule) == (Kind.NO_MEANS, "no_challenge")


def test_while_it_is_open_the_reason_is_what_to_do() -> None:
    record = liveness.sight(Record(), face(0.0), 1.0, at(0.0), WANTED, yaw_deg=0.0, chance=(7,))
    found = liveness.fault(record, WANTED, None)
    assert found is not None
    assert found.reason == "please look straight at the camera (turn 1 of 3)"
    assert found.patience_s == OPTIONS.within_s


def test_nobody_is_asked_where_it_is_not_wanted() -> None:
    assert sighted(Visitor(), options=liveness.Options(require=(Check.MOTION,))).challenge is None


@given(st.lists(st.floats(-90, 90), max_size=80), st.integers(0, 2**32))
def test_whatever_a_head_does_the_words_are_for_people(yaws: list[float], chance: int) -> None:
    now = begin((chance,), at(0.0), OPTIONS)
    for index, yaw in enumerate(yaws):
        now = step(now, glimpse(index / 10, yaw), OPTIONS)
        shown = prompt(now)
        assert shown is None or (shown.words == challenge.WORDS[shown.ask] and 1 <= shown.turn <= shown.turns)
