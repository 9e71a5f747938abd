"""The demo's own parts: its camera films what it says, its contact sheet shows what it was given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from edgeface import detect, image, pose, quality
from edgeface.decide import Decision, Outcome
from edgeface.frame import Instant, Pixels
from edgeface.liveness import Liveness, Unjudged
from edgeface.message import decision_message, encode
from edgeface.pipeline import Sighting, View
from edgeface.service.bootstrap import Loaded
from samples import decision
from tools.demo import film, held, story
from tools.demo.film import Actor, Film, Scene
from tools.demo.held import Held
from tools.demo.sheet import Row, Shot, draw
from tools.demo.show import heard, measured

START = Instant(monotonic_ns=0, wall_ns=0, wall_trusted=False)


def shown(portrait: Pixels, **how: object) -> Pixels:
    return film.render((replace(Actor(portrait=portrait), **how),), 0.5, np.random.default_rng(0))  # type: ignore[arg-type]


def test_a_film_announces_its_scenes_and_counts_its_frames(hopper: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film, "FPS", 25.0)
    scenes = tuple(Scene(title=title, actors=(Actor(portrait=hopper),), seconds=0.16) for title in ("first", "second"))
    titles: list[str] = []
    taken = Film(scenes, lambda: START, lambda scene: titles.append(scene.title))
    sequences = []
    for frame in taken.frames():
        sequences.append(frame.sequence)
        if len(titles) == 2:
            taken.close()
    assert titles == ["first", "second"]
    assert sequences == list(range(4 + 25 + 1))


def test_an_empty_scene_is_wall(hopper: Pixels) -> None:
    wall = film.render((), 0.0, np.random.default_rng(0))
    assert np.abs(wall.reshape(-1, 3).mean(axis=0) - film.WALL).max() < 1
    assert np.abs(shown(hopper).astype(int) - wall).mean() > 5


def test_light_and_blur_are_what_the_gate_sees(loaded: Loaded, hopper: Pixels) -> None:
    def judged(pixels: Pixels) -> quality.Quality:
        face = detect.detect(pixels, loaded.models.detector, detect.Options(min_score=0.3))[0]
        return quality.assess(pixels, face, pose.estimate(face), quality.Options())

    plain, dark, blurred = (judged(shown(hopper, **how)) for how in ({}, {"light": 0.1}, {"blur_px": 13.0}))
    assert plain.accepted
    assert dark.refusals and dark.brightness < plain.brightness / 4
    assert blurred.refusals and blurred.sharpness < plain.sharpness / 3


def test_the_sheet_marks_faces_on_its_tiles(loaded: Loaded, hopper: Pixels, tmp_path: Path) -> None:
    pixels = shown(hopper)
    face = detect.detect(pixels, loaded.models.detector, detect.Options())[0]
    angles = pose.estimate(face)
    usable = quality.assess(pixels, face, angles, quality.Options())
    view = View(pose=angles, quality=usable, chip=pixels)
    looked_at, followed = (Sighting(track=1, detection=face, view=seen) for seen in (view, None))
    alive = replace(looked_at, liveness=Liveness(score=0.86, live=True))
    far = replace(looked_at, liveness=Liveness(score=0.0, live=False, unjudged=Unjudged.TOO_SMALL))
    drawn = {"bare": (), "marked": (looked_at,), "followed": (followed,), "alive": (alive,), "far": (far,)}
    for name, sightings in drawn.items():
        shots = tuple(Shot(pixels=pixels, sightings=sightings) for _ in range(3))
        row = Row(title="walks up", shots=shots, verdicts=tuple((outcome, outcome.value) for outcome in Outcome))
        draw([row, row], "two scenes", tmp_path / f"{name}.png")
    bare, *others = (image.read(tmp_path / f"{name}.png") for name in drawn)
    for marked in others:
        assert 1000 < (bare != marked).any(axis=2).sum() < 200_000
    assert len({marked.tobytes() for marked in others}) == len(others)


@pytest.mark.parametrize("make", [held.phone, held.sheet])
def test_a_picture_held_up_is_one_face_at_a_place_that_moves(
    make: Callable[[Pixels], Held], loaded: Loaded, hopper: Pixels
) -> None:
    thing = replace(make(hopper), height=(0.8, 0.8), across=(0.49, 0.52), tilt_deg=(0.0, 0.0), lean=(0.0, 0.0))
    early, late = (film.render((thing,), progress, np.random.default_rng(0)) for progress in (0.0, 1.0))
    wall = film.render((), 0.0, np.random.default_rng(0))
    boxes = []
    for picture in (early, late):
        (face,) = detect.detect(picture, loaded.models.detector, detect.Options())
        boxes.append(face.box)
        assert face.box.w >= 72, "large enough to be judged"
        assert np.array_equal(picture[:, :60], wall[:, :60]), "the wall beside it is as it was"
    moved_px = [box.x + box.w / 2 for box in boxes]
    assert moved_px[1] - moved_px[0] == pytest.approx(0.03 * film.WIDTH_PX, abs=4)


def test_a_screen_is_as_bright_as_its_picture_and_colder(hopper: Pixels) -> None:
    """Its stripes average to the picture's light, apart from the tint and the room that it mirrors."""
    grey = np.full_like(hopper, 128)
    thing = held.phone(grey)
    rows, columns = thing.front.shape[:2]
    low = thing.front[rows // 2 : rows // 2 + 300, columns // 3 : 2 * columns // 3]
    seen = low.reshape(-1, 3).mean(axis=0) * thing.light / 128
    assert seen - held.RIM / 128 == pytest.approx(held.GLASS_WHITE, abs=0.04)


@pytest.mark.parametrize(
    ("quality_mean", "liveness", "words"),
    [(84.2, 0.857, "quality 84, alive 0.86"), (84.2, None, "quality 84, alive not judged"), (None, None, "")],
)
def test_what_was_measured_in_words(quality_mean: float | None, liveness: float | None, words: str) -> None:
    assert measured(quality_mean, liveness) == words


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A show that is over."""

    told: list[tuple[str, Decision]]
    live_floor: float | None = 0.19


@pytest.mark.parametrize("passed", [True, False])
def test_the_demo_tells_what_became_of_the_pictures(passed: bool, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome.GRANT if passed else Outcome.SPOOF
    made = [(story.IN_PERSON, decision()), (story.PHONE, decision(outcome=outcome, liveness=0.04))]
    story.sum_up(Told(told=made))
    text = capsys.readouterr().out
    assert f"{story.IN_PERSON}: grant quality 80, alive 0.93" in text
    assert f"{story.PHONE}: {outcome.value} quality 80, alive 0.04" in text
    assert f"{story.PRINT}: no decision" in text
    assert ("A picture got in" in text) is passed
    story.sum_up(Told(told=[], live_floor=None))
    assert "no liveness model" in capsys.readouterr().out


@pytest.mark.parametrize(("hers", "said"), [(0.14, True), (0.95, False), (None, False)])
def test_why_hopper_is_not_asked_to_be_alive_is_said_only_if_so(
    hers: float | None, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    story.explain_hopper(Told(told=[(story.KNOWN, decision()), (story.STRANGER, decision(liveness=hers))]))
    assert ("scanned photograph" in capsys.readouterr().out) is said


@pytest.mark.parametrize(
    ("topic", "payload", "told"),
    [
        ("state", b'{"v":1,"state":"online","reason":null}', "reader is online"),
        ("door/main/state", b'{"v":1,"door":"main","lock":"unknown"}', None),
        ("door/main/event", b'{"v":1,"event":"released"}', None),
        ("health", b'{"v":1,"state":"ok"}', None),
        ("head", b"edgeface\n7\nabc\n", None),
        ("decision", encode(decision_message(decision(), seq=7, boot_id="b")).encode(), "/decision #7"),
        ("history", b"{}", None),
    ],
)
def test_only_what_a_door_needs_is_shown_of_all_that_is_published(topic: str, payload: bytes, told: str | None) -> None:
    said = heard(topic, payload, 0)
    assert said is None if told is None else said is not None and told in said
