"""Why a sighting does not count, by how much, and what to do about it: the one place that has the words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never


class Refusal(StrEnum):
    """Why a sighting does not count."""

    BROKEN = "broken"
    """Box or landmarks are no numbers, or have no extent."""
    TOO_SMALL = "too_small"
    """Too few pixels between the eyes."""
    BLURRED = "blurred"
    """Out of focus, or moving."""
    TOO_DARK = "too_dark"
    OVER_EXPOSED = "over_exposed"
    LOW_CONTRAST = "low_contrast"
    """Grey in grey: fog, glare on the lens, a backlit face."""
    UNEVEN_LIGHT = "uneven_light"
    """One half of the face lies in the shadow."""
    POSE = "pose"
    """Turned too far away."""
    CUT_OFF = "cut_off"
    """Part of the face lies outside the picture."""
    TORN = "torn"
    """Part of the face has no detail at all: half a frame."""
    COVERED = "covered"
    """A mask, a hand, a bar of shadow over part of the face."""
    SECOND_FACE = "second_face"
    """Another face is large enough to be meant."""
    UNRECOGNISABLE = "unrecognisable"
    """Too little of a person to know anybody by, for whatever reason; what is no face at all ends here too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One reason, and by how much."""

    refusal: Refusal
    measure: str
    """Name of the measure."""
    value: float
    """Finite; angles with their sign."""
    limit: float

    def __str__(self) -> str:
        return f"{self.refusal.value}: {self.measure} {self.value:.4g}, limit {self.limit:.4g}"

    @property
    def advice(self) -> str:
        """What the person, or whoever set up the camera, can do: "too dark: brightness 14, at least 18 needed"."""
        return _words(self)(self.value, self.limit)


Words = Callable[[float, float], str]


def _words(refused: Refused) -> Words:
    match refused.refusal:
        case Refusal.POSE:
            return _TURNS[refused.measure]
        case Refusal.TOO_DARK:
            return _MORE_LIGHT[refused.measure]
        case Refusal.OVER_EXPOSED:
            return _LESS_LIGHT[refused.measure]
        case Refusal.BROKEN:
            return lambda value, limit: "the detector gave no usable place for this face: check the detector's model"
        case Refusal.TOO_SMALL:
            return lambda value, limit: (
                f"come closer: {_less(value, limit, 'f', ' px')} between the eyes, at least {limit:g} needed"
            )
        case Refusal.BLURRED:
            return lambda value, limit: (
                f"hold still, or focus the camera: sharpness {_less(value, limit)}, at least {limit:g} needed"
            )
        case Refusal.LOW_CONTRAST:
            return lambda value, limit: (
                f"grey in grey: clean the lens or put the light before the person, "
                f"contrast {_less(value, limit)}, at least {limit:g} needed"
            )
        case Refusal.UNEVEN_LIGHT:
            return lambda value, limit: (
                f"light from one side: the darker half of the face has {_percent(value)} of the other's light, "
                f"at least {_percent(limit)} needed"
            )
        case Refusal.CUT_OFF:
            return lambda value, limit: (
                f"move into the picture: {_percent(value)} of the face is in it, at least {_percent(limit)} needed"
            )
        case Refusal.TORN:
            return lambda value, limit: (
                f"half a frame: {_percent(value)} of the face has no detail at all, at most {_percent(limit)} allowed; "
                "check the camera and its cable"
            )
        case Refusal.COVERED:
            return lambda value, limit: (
                f"uncover your face: part of it is covered with a likelihood of {_percent(value)}, "
                f"at most {_percent(limit)} allowed"
            )
        case Refusal.SECOND_FACE:
            return lambda value, limit: (
                f"another face is {_percent(value)} as wide as this one, at most {_percent(limit)} allowed: "
                "one person at a time"
            )
        case Refusal.UNRECOGNISABLE:
            return lambda value, limit: (
                f"too little of a face to know anybody by: score {_less(value, limit)}, at least {limit:g} needed; "
                "uncover the face and look at the camera"
            )
        case _:
            assert_never(refused.refusal)


def _less(value: float, limit: float, kind: str = "f", unit: str = "") -> str:
    """A value below its limit in as few digits as tell the two apart."""
    digits = next((n for n in range(4) if f"{value:.{n}{kind}}" != f"{limit:.{n}{kind}}"), 4)
    return f"{value:.{digits}{kind}}{unit}"


def _percent(part: float) -> str:
    return f"{100 * part:.3g} %"


def _angle(value: float, limit: float, positive: str, negative: str) -> str:
    too_far = max(1, round(abs(value) - limit))
    degrees = "degree" if too_far == 1 else "degrees"
    return f"{too_far} {degrees} less {positive if value > 0 else negative} ({abs(value):.0f}, at most {limit:g})"


# The picture's left is the right of whoever looks into the camera.
_TURNS: dict[str, Words] = {
    "yaw_deg": lambda value, limit: "turn " + _angle(value, limit, "to your right", "to your left"),
    "pitch_deg": lambda value, limit: "look " + _angle(value, limit, "upwards", "downwards"),
    "roll_deg": lambda value, limit: "tilt your head " + _angle(value, limit, "to your left", "to your right"),
}
_MORE_LIGHT: dict[str, Words] = {
    "brightness": lambda value, limit: f"too dark: brightness {_less(value, limit)}, at least {limit:g} needed",
    "under_exposure": lambda value, limit: (
        f"too dark: {_percent(value)} of the face is black, at most {_percent(limit)} allowed"
    ),
}
_LESS_LIGHT: dict[str, Words] = {
    "brightness": lambda value, limit: f"too bright: brightness {_less(value, limit)}, at most {limit:g} allowed",
    "over_exposure": lambda value, limit: (
        f"too bright: {_percent(value)} of the face is white, at most {_percent(limit)} allowed"
    ),
}
