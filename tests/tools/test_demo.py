"""The demo's own parts: its camera films what it says, its contact sheet shows what it was given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeface import detect, image, pose, quality
from edgeface.decide import Outcome
from edgeface.frame import Instant, Pixels
from edgeface.pipeline import Sighting
from edgeface.service.bootstrap import Loaded
from tools.demo import film
from tools.demo.film import Actor, Film, Scene
from tools.demo.sheet import Row, Shot, draw

START = Instant(monotonic_ns=0, wall_ns=0, wall_trusted=False)


def shown(portrait: Pixels, **how: object) -> Pixels:
    return film.render((replace(Actor(portrait=portrait), **how),), 0.5, np.random.default_rng(0))  # type: ignore[arg-type]


def test_a_film_announces_its_scenes_and_counts_its_frames(hopper: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film, "FPS", 1000.0)
    scenes = tuple(Scene(title=title, actors=(Actor(portrait=hopper),), seconds=0.004) for title in ("first", "second"))
    titles: list[str] = []
    taken = Film(scenes, lambda: START, lambda scene: titles.append(scene.title))
    sequences = []
    for frame in taken.frames():
        sequences.append(frame.sequence)
        if len(titles) == 2:
            taken.close()
    assert titles == ["first", "second"]
    assert sequences == list(range(4 + 1000 + 1))


def test_an_empty_scene_is_wall(hopper: Pixels) -> None:
    wall = film.render((), 0.0, np.random.default_rng(0))
    assert np.abs(wall.reshape(-1, 3).mean(axis=0) - film.WALL).max() < 1
    assert np.abs(shown(hopper).astype(int) - wall).mean() > 5


def test_light_and_blur_are_what_the_gate_sees(loaded: Loaded, hopper: Pixels) -> None:
    def judged(pixels: Pixels) -> quality.Quality:
        face = detect.detect(pixels, loaded.models.detector, detect.Options(min_score=0.3))[0]
        return quality.assess(pixels, face, pose.estimate(face), quality.Options())

    plain, dark, blurred = (judged(shown(hopper, **how)) for how in ({}, {"light": 0.1}, {"blur_px": 9.0}))
    assert plain.accepted
    assert dark.refusals and dark.brightness < plain.brightness / 4
    assert blurred.refusals and blurred.sharpness < plain.sharpness / 3


def test_the_sheet_marks_faces_on_its_tiles(loaded: Loaded, hopper: Pixels, tmp_path: Path) -> None:
    pixels = shown(hopper)
    face = detect.detect(pixels, loaded.models.detector, detect.Options())[0]
    angles = pose.estimate(face)
    usable = quality.assess(pixels, face, angles, quality.Options())
    sighting = Sighting(track=1, detection=face, pose=angles, quality=usable, liveness=None, match=None)
    for name, sightings in (("bare", ()), ("marked", (sighting,))):
        shots = tuple(Shot(pixels=pixels, sightings=sightings) for _ in range(3))
        row = Row(title="walks up", shots=shots, verdicts=((Outcome.UNKNOWN, "unknown"),))
        draw([row, row], "two scenes", tmp_path / f"{name}.png")
    bare, marked = (image.read(tmp_path / f"{name}.png") for name in ("bare", "marked"))
    assert bare.shape == marked.shape
    assert 1000 < (bare != marked).any(axis=2).sum() < 200_000
