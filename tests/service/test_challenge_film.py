"""A door that sets a challenge, with the shipped models: a head that turns as asked comes in, pictures do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from edgeface import liveness, match
from edgeface.decide import Decision, Outcome
from edgeface.embed import to_template
from edgeface.enrol import Portrait, portrait
from edgeface.frame import Frame, Pixels
from edgeface.liveness import Check
from edgeface.liveness.challenge import Ask
from edgeface.match import Gallery
from edgeface.pipeline import Options, Prompted, Scene, judge, prompts, recognise
from edgeface.service.bootstrap import Loaded
from fakes import level
from heads import head
from tools.attacks.motion import Moment

ASKING = Options(liveness=liveness.Options(require=(Check.CHALLENGE,)))
CHANCE = (1, 2, 3)
Answer = Callable[[float], Moment]
"""Degrees towards the person's right that the visitor heads for -> what the camera sees."""


@pytest.fixture(scope="module")
def people(loaded: Loaded, astronaut: Pixels) -> Gallery:
    found = portrait(astronaut, loaded.models, ASKING)
    assert isinstance(found, Portrait)
    template = to_template(found.embedding.vector)
    return match.freeze(template[None], ("p_eileen",), loaded.embedder.identity, 1, len(template))


class Show:
    """A visitor who sees the display and answers half a second later."""

    def __init__(self, face: Pixels, answer: Answer, *, sign: float = 1.0, chance: tuple[int, ...] = CHANCE) -> None:
        self.face, self.answer, self.sign = face, answer, sign
        self.scene = Scene(chance=chance)
        self.said: list[Prompted] = []
        self.at_deg = self.aim_deg = 0.0
        self.aims: list[float] = [0.0] * 5

    def frames(self, seconds: float = 14.0) -> Iterator[Frame]:
        def moment(now_s: float) -> Moment:
            self.aims.append(self._wanted())
            self.at_deg += float(np.clip(self.aims[-6] - self.at_deg, -14, 14))
            seen = self.answer(self.at_deg)
            sway = (0.01 * float(np.sin(5 * now_s)), 0.01 * float(np.cos(3 * now_s)))  # nobody stands quite still
            return replace(seen, shift=(seen.shift[0] + sway[0], seen.shift[1] + sway[1]), roll_deg=100 * sway[1])

        return head(self.face, moment, seconds)

    def _wanted(self) -> float:
        shown = prompts(self.scene)
        self.said += [one for one in shown if self.said[-1:] != [one]]
        ask = shown[0].prompt.ask if shown else Ask.MIDDLE
        return self.sign * {Ask.RIGHT: 38.0, Ask.LEFT: -38.0}.get(ask, 0.0)


def visit(loaded: Loaded, people: Gallery, show: Show, options: Options = ASKING) -> Decision:
    numbers = count()
    for frame in show.frames():
        show.scene, _ = recognise(frame, show.scene, loaded.models, people, options)
        bar = level(people, loaded.floor)
        now = frame.captured_at
        show.scene, made = judge(show.scene, people, bar, None, options, now, lambda: f"id{next(numbers)}")
        if made:
            return made[0]
    pytest.fail("nothing was decided")


def turns(yaw_deg: float) -> Moment:
    return Moment(head_deg=(yaw_deg, 0.0))


def test_a_head_that_turns_as_asked_comes_in(loaded: Loaded, people: Gallery, astronaut: Pixels) -> None:
    show = Show(astronaut, turns)
    decision = visit(loaded, people, show)
    assert (decision.outcome, decision.person_id, decision.rule) == (Outcome.GRANT, "p_eileen", "known_person")
    assert [one.prompt.turn for one in show.said] == [1, 1, 2, 2, 3, 3, 3]
    assert show.said[0].prompt.words == "look straight at the camera"


def test_who_turns_to_the_other_side_does_not(loaded: Loaded, people: Gallery, astronaut: Pixels) -> None:
    decision = visit(loaded, people, Show(astronaut, turns, sign=-1.0))
    assert (decision.outcome, decision.rule, decision.person_id) == (Outcome.SPOOF, "challenge_wrong", None)


@pytest.mark.parametrize(
    "answer",
    [
        lambda yaw_deg: Moment(),
        lambda yaw_deg: Moment(tilt_deg=(yaw_deg, 0.0)),
        lambda yaw_deg: Moment(shift=(yaw_deg / 200, 0.0)),
    ],
    ids=["still", "tilted", "moved aside"],
)
def test_a_print_does_not_answer(loaded: Loaded, people: Gallery, astronaut: Pixels, answer: Answer) -> None:
    decision = visit(loaded, people, Show(astronaut, answer))
    assert decision.outcome in (Outcome.INSUFFICIENT_QUALITY, Outcome.SPOOF)
    assert decision.rule.startswith("challenge_")


def test_a_door_without_chance_stays_shut(loaded: Loaded, people: Gallery, astronaut: Pixels) -> None:
    show = Show(astronaut, turns, chance=())
    decision = visit(loaded, people, show)
    assert (decision.outcome, decision.rule, show.said) == (Outcome.SPOOF, "no_challenge", [])


def test_a_stranger_is_unknown_before_anybody_waits(loaded: Loaded, people: Gallery, hopper: Pixels) -> None:
    decision = visit(loaded, people, Show(hopper, turns))
    assert decision.outcome is Outcome.UNKNOWN
