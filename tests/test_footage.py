"""A camera that repeats itself, sees nothing or comes too slowly is found out within a second; one that sees is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface.footage import ADVICE, Fault, Footage, Options, faults, look, lose, meet, observe
from edgeface.frame import Frame, Instant, Pixels

SEED = 7
OPTIONS = Options()


def at(seconds: float) -> Instant:
    return Instant(monotonic_ns=round(seconds * 1e9), wall_ns=0, wall_trusted=False)


def scene(level: float = 120.0, *, structure: float = 60.0, noise: float = 2.0, seed: int = 0) -> Pixels:
    """A picture with edges, and the noise of its own moment."""
    edges = np.random.default_rng(SEED).uniform(-structure, structure, (12, 16, 1))
    picture = level + np.kron(edges, np.ones((20, 20, 1))) + np.random.default_rng(seed).normal(0, noise, (240, 320, 1))
    return np.asarray(np.clip(np.repeat(picture, 3, axis=2), 0, 255), np.uint8)


def filmed(pictures: Sequence[Pixels], fps: float = 10.0) -> list[tuple[float, tuple[Fault, ...]]]:
    """What is said after each picture, by its time."""
    footage, said = Footage(), []
    for index, pixels in enumerate(pictures):
        frame = Frame(pixels=pixels, camera="front", sequence=index, captured_at=at(index / fps))
        footage = observe(footage, frame, look(pixels), OPTIONS)
        said.append((index / fps, faults(footage, frame.captured_at, OPTIONS)))
    return said


def first(said: list[tuple[float, tuple[Fault, ...]]], fault: Fault) -> float:
    return next(when for when, found in said if fault in found)


def test_a_camera_that_sees_has_no_fault() -> None:
    assert {found for _, found in filmed([scene(seed=index) for index in range(30)])} == {()}


def test_one_picture_again_and_again_is_frozen_within_a_second() -> None:
    moving = [scene(seed=index) for index in range(5)]
    said = filmed([*moving, *[moving[-1]] * 10])
    assert 0.4 < first(said, Fault.FROZEN) - 0.4 <= 1.0


def test_a_picture_that_changes_by_one_value_is_not_frozen() -> None:
    still = scene()
    pictures = []
    for index in range(20):
        changed = still.copy()
        changed[0, 0, 0] = index
        pictures.append(changed)
    assert all(Fault.FROZEN not in found for _, found in filmed(pictures))


def test_it_films_again_as_soon_as_one_picture_differs() -> None:
    still = scene()
    assert filmed([*[still] * 12, scene(seed=1)])[-1][1] == ()


def test_dark_is_dark_and_not_frozen_though_black_is_always_the_same() -> None:
    said = filmed([scene(seed=1)] * 1 + [np.zeros((240, 320, 3), np.uint8)] * 15)
    assert said[-1][1] == (Fault.DARK,)
    assert 0.1 < first(said, Fault.DARK) <= 1.1


@pytest.mark.parametrize("level", [40, 120, 230])
def test_one_smooth_tone_is_a_covered_lens(level: float) -> None:
    said = filmed([scene(level, structure=0, seed=index) for index in range(12)])
    assert said[-1][1] == (Fault.COVERED,)
    assert first(said, Fault.COVERED) <= 1.0


def test_a_blink_is_no_fault() -> None:
    black = np.zeros((240, 320, 3), np.uint8)
    pictures = [black if index % 8 == 3 else scene(seed=index) for index in range(30)]
    assert {found for _, found in filmed(pictures)} == {()}


def test_two_pictures_a_second_are_too_few() -> None:
    said = filmed([scene(seed=index) for index in range(6)], fps=2)
    assert said[-1][1] == (Fault.SLOW,)
    assert filmed([scene(seed=index) for index in range(12)], fps=5)[-1][1] == ()


@pytest.mark.parametrize("fps", [1.6, 2.0, 3.0])
def test_a_camera_that_becomes_slow_is_told_within_a_second_and_as_long_as_it_is(fps: float) -> None:
    """Asked every 50 ms, as the watch over the reader does, not only when a picture comes."""
    moments = [index / 15 for index in range(16)] + [1 + count / fps for count in range(1, 20)]
    moments += [moments[-1] + count / 15 for count in range(1, 30)]
    footage, said, pictures = Footage(), [], iter(moments)
    due = next(pictures)
    for tick in range(round(moments[-1] / 0.05)):
        now = tick * 0.05
        while due <= now:
            frame = Frame(pixels=scene(seed=round(due * 1000)), camera="", sequence=0, captured_at=at(due))
            footage, due = observe(footage, frame, look(frame.pixels), OPTIONS), next(pictures)
        said.append((now, faults(footage, at(now), OPTIONS)))
    slow = [now for now, found in said if found == (Fault.SLOW,)]
    assert 1 < slow[0] <= 1.8, "with the watch's own 0.2 s, a second"
    assert slow[-1] <= 1 + 19 / fps + 0.5
    assert len(slow) == round((slow[-1] - slow[0]) / 0.05) + 1, "without a break"
    assert {found for _, found in said} == {(), (Fault.SLOW,)}


def test_silence_is_no_slowness() -> None:
    footage = Footage()
    for index in range(15):
        frame = Frame(pixels=scene(seed=index), camera="", sequence=0, captured_at=at(index / 15))
        footage = observe(footage, frame, look(frame.pixels), OPTIONS)
    told = [faults(footage, at(14 / 15 + tick / 100), OPTIONS) for tick in range(100)]
    assert list(dict.fromkeys(told)) == [(), (Fault.LOST,)]


def test_pictures_of_the_past_are_late_within_a_second() -> None:
    footage, said = Footage(), []
    for index in range(30):
        late, came = 10 <= index < 20, at(index / 10)
        frame = Frame(pixels=scene(seed=index), camera="", sequence=0, captured_at=at(index / 10 - (3 if late else 0)))
        footage = observe(footage, frame, look(frame.pixels), OPTIONS, came=came, late=late)
        said.append((index / 10, faults(footage, came, OPTIONS)))
    assert {found for _, found in said} == {(), (Fault.LATE,)}
    assert 1.0 < first(said, Fault.LATE) <= 1.8
    assert said[-1][1] == ()


def test_silence_is_loss() -> None:
    footage = observe(
        Footage(), Frame(pixels=scene(), camera="", sequence=0, captured_at=at(0)), look(scene()), OPTIONS
    )
    assert faults(footage, at(0.5), OPTIONS) == ()
    assert faults(footage, at(0.8), OPTIONS) == (Fault.LOST,)


def test_a_lost_camera_is_nothing_else_and_remembers_since_when() -> None:
    footage = Footage(since={Fault.DARK: at(0)})
    footage = lose(lose(footage, at(5)), at(9))
    assert footage.since == {Fault.LOST: at(5)}
    assert faults(footage, at(9), OPTIONS) == (Fault.LOST,)


def tinted(red: int, blue: int) -> Pixels:
    return np.full((80, 80, 3), (red, 120, blue), np.uint8)


def test_faces_bluer_than_red_in_a_row_tell_of_exchanged_colours() -> None:
    footage = Footage()
    for count in range(1, OPTIONS.blue_faces + 1):
        footage = meet(footage, tinted(100, 140), OPTIONS)
        assert (Fault.COLOURS in faults(footage, at(0), OPTIONS)) == (count == OPTIONS.blue_faces)
    assert faults(meet(footage, tinted(140, 100), OPTIONS), at(0), OPTIONS) == ()


def test_grey_faces_say_nothing() -> None:
    footage = Footage()
    for _ in range(20):
        footage = meet(footage, tinted(120, 120), OPTIONS)
    assert faults(footage, at(0), OPTIONS) == ()


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 255))
def test_pictures_of_any_size_can_be_looked_at(height: int, width: int, level: int) -> None:
    seen = look(np.full((height, width, 3), level, np.uint8))
    assert seen.brightest == level
    assert seen.structure == 0


def test_every_fault_has_advice() -> None:
    assert set(ADVICE) == set(Fault)


@pytest.mark.parametrize(
    "change", [{"after_s": 0.0}, {"dark_below": -1.0}, {"slow_fps": float("nan")}, {"blue_faces": 0}]
)
def test_options_out_of_range_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(OPTIONS, **change)  # type: ignore[arg-type]
