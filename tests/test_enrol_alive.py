"""A guided enrolment asks for what the door asks for: photographs enrol nobody."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeface import liveness
from edgeface.enrol import Portrait
from edgeface.enrol.alive import Witness
from edgeface.liveness import Check, Judge, Kind
from edgeface.pose import Pose
from fakes import detection, liveness_spec
from portraits import at
from shots import made, person

LIVE = 0.5
PIXELS = np.zeros((480, 640, 3), np.uint8)


def judge(*logits: float) -> Judge:
    """A liveness model that says this, one by one."""
    left = list(logits)
    return Judge(spec=liveness_spec(), infer=lambda looks: (np.array([[left.pop(0)]], np.float32),))


def seen(yaw_deg: float = 0.0) -> Portrait:
    return replace(
        made(person(1)), detection=detection(x=200, y=150), pose=Pose(yaw_deg=yaw_deg, pitch_deg=0.0, roll_deg=0.0)
    )


def witness(*require: Check, judge: Judge | None = None, floor: float | None = LIVE) -> Witness:
    return Witness(judge, liveness.Options(require=require), floor, (1, 2, 3))


def test_where_the_door_asks_for_nothing_nothing_is_asked() -> None:
    one = witness(judge=judge())
    one.see(PIXELS, seen(), at(0.0))
    assert (one.fault, one.prompt, one.waits, one.record.shots) == (None, None, False, 0)


@pytest.mark.parametrize(("logits", "rule"), [((3, 3, 3), None), ((3, 3, -9), "presentation_attack")])
def test_every_picture_must_be_of_a_living_face(logits: tuple[float, ...], rule: str | None) -> None:
    one = witness(Check.PICTURE, judge=judge(*logits))
    for number in range(len(logits)):
        one.see(PIXELS, seen(), at(float(number)))
    assert (None if one.fault is None else one.fault.rule) == rule
    assert not one.waits


def test_what_cannot_be_checked_has_failed() -> None:
    assert witness(Check.PICTURE, judge=judge()).fault is not None, "nothing was seen"
    blind = witness(Check.PICTURE, floor=None)
    blind.see(PIXELS, seen(), at(0.0))
    assert blind.fault is not None
    assert blind.fault.kind is Kind.NO_MEANS


def test_a_face_that_does_not_move_is_waited_for() -> None:
    one = witness(Check.MOTION)
    for number in range(10):
        one.see(PIXELS, seen(), at(number / 5))
    assert one.fault is not None
    assert (one.fault.rule, one.waits) == ("motion_undecided", True)


def test_a_challenge_is_set_and_must_be_answered() -> None:
    one = witness(Check.CHALLENGE)
    one.see(PIXELS, seen(), at(0.0))
    assert one.prompt is not None
    assert (one.prompt.words, one.waits) == ("look straight at the camera", True)
    for number in range(1, 40):
        one.see(PIXELS, seen(yaw_deg=min(40.0, 2.0 * number)), at(number / 5))
    assert one.fault is not None
    assert (one.fault.kind, one.waits) != (Kind.NO_MEANS, False)
    assert one.fault.rule.startswith("challenge_")
