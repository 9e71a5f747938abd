"""`edgeface enrol NAME --guided`: a film in which a head turns to all sides enrols a person, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from calling import Edgeface

from edgeface import image
from edgeface.frame import Pixels
from edgeface.image import Ring, encode_png, ring_picture
from heads import head
from portraits import shot
from tools.attacks.motion import Moment

ROUND = ((0, 0), (-40, 0), (40, 0), (0, -35))
"""Where the head points, degrees: yaw and pitch."""
ASKED = '[camera]\nfps = 10\n[enrol.guided]\nbins = ["frontal", "left", "right", "down"]\n'


def turning(face: Pixels, turns: Sequence[tuple[int, int]] = ROUND) -> Iterator[Pixels]:
    """A head that points to each side for a second, never quite still."""

    def at_second(seconds: float) -> Moment:
        yaw, pitch = turns[min(int(seconds), len(turns) - 1)]
        return Moment(head_deg=(yaw + 10 * (seconds % 1), pitch), shift=(0.02 * seconds, 0.0))

    return (frame.pixels for frame in head(face, at_second, float(len(turns))))


@pytest.fixture
def film(tmp_path: Path, home: Path) -> Callable[..., Path]:
    """Pictures -> a folder of them, and a configuration that asks for what they show."""
    home.mkdir()
    (home / "edgeface.toml").write_text(ASKED)

    def write(*films: Iterator[Pixels]) -> Path:
        folder = tmp_path / "film"
        folder.mkdir()
        for index, pixels in enumerate(pixels for film in films for pixels in film):
            (folder / f"{index:04}.png").write_bytes(encode_png(pixels))
        return folder

    return write


def test_a_turning_head_is_enrolled_from_all_sides(
    edgeface: Edgeface, film: Callable[..., Path], astronaut: Pixels, tmp_path: Path
) -> None:
    preview = tmp_path / "ring.png"
    words = ("enrol", "Eileen", "--guided", "--source", film(turning(astronaut)), "--preview", preview)
    result = edgeface(*words)
    assert result.exit_code == 0, result.output
    for said in ("turn your head a little to your left", "lower your chin", "thank you"):
        assert said in result.stderr
    assert "[frontal ## left ## right ## down ##]  thank you, that is all" in result.stderr
    assert "Eileen is enrolled with 8 template(s)" in result.stdout
    assert image.read(preview).shape == (576, 480, 3)
    assert list(tmp_path.glob(".ring*")) == []
    shown = json.loads(edgeface("people", "show", "Eileen", "--json").output)
    assert shown["consent"]["recorded_by"] == "The Warden"


def test_a_dry_run_is_guided_too_and_writes_nothing(
    edgeface: Edgeface, film: Callable[..., Path], astronaut: Pixels, home: Path
) -> None:
    result = edgeface("enrol", "Eileen", "--guided", "--source", film(turning(astronaut)), "--dry-run", "--json")
    told = json.loads(result.stdout)
    assert (told["id"], told["dry_run"], told["pictures_used"]) == (None, True, 8)
    assert [path.name for path in home.iterdir()] == ["edgeface.toml"]


def test_a_head_that_never_turns_enrols_nobody(
    edgeface: Edgeface, film: Callable[..., Path], astronaut: Pixels
) -> None:
    source = film(shot(astronaut, index) for index in range(15))
    result = edgeface("enrol", "Eileen", "--guided", "--source", source)
    assert result.exit_code == 65
    assert "the film ended with left, right, down still missing (turn your head a little to your left)" in result.stderr
    assert "Nobody is enrolled yet" in edgeface("people").output


def test_another_person_who_steps_in_is_noticed(
    edgeface: Edgeface, film: Callable[..., Path], astronaut: Pixels, hopper: Pixels
) -> None:
    source = film(turning(astronaut, ROUND[:1]), (shot(hopper, index) for index in range(8)))
    result = edgeface("enrol", "Eileen", "--guided", "--source", source)
    assert result.exit_code == 65
    assert "this is another person than at the beginning" in result.stderr
    assert "Nobody is enrolled yet" in edgeface("people").output


def test_a_second_face_stops_it(edgeface: Edgeface, film: Callable[..., Path], astronaut: Pixels) -> None:
    two = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
    result = edgeface("enrol", "Eileen", "--guided", "--source", film(iter([two] * 3)))
    assert result.exit_code == 65
    assert "one person at a time" in result.stderr


def test_glasses_are_asked_for_in_the_middle(edgeface: Edgeface, film: Callable[..., Path], astronaut: Pixels) -> None:
    source = film(turning(astronaut), turning(astronaut, ROUND[:3]))
    words = ("enrol", "Eileen", "--guided", "--source", source, "--glasses", "--json")
    result = edgeface(*words, stdin="\n")
    assert "Press Enter when it is done" in result.stderr
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["pictures_used"] == 8  # of 14, max_templates
    assert edgeface("enrol", "Eve", *words[2:], stdin="").exit_code == 1  # nobody answers
    assert "Eve" not in edgeface("people").output


@pytest.mark.parametrize(
    ("check", "code", "said"),
    [("motion", 0, "thank you, that is all"), ("challenge", 65, "nobody was enrolled: ")],
)
def test_what_the_door_requires_is_required_of_who_is_enrolled(
    edgeface: Edgeface, film: Callable[..., Path], home: Path, astronaut: Pixels, check: str, code: int, said: str
) -> None:
    """A head that turns once has depth, but nobody asked it to."""
    asked = ASKED.replace('"frontal", "left", "right", "down"', '"frontal", "left"')
    once = head(astronaut, lambda seconds: Moment(head_deg=(-20 * seconds, 0), shift=(0.02 * seconds, 0.0)), 2.2)
    source = film(frame.pixels for frame in once)
    (home / "edgeface.toml").write_text(f'{asked}[liveness]\nrequire = ["{check}"]\n')
    result = edgeface("enrol", "Eileen", "--guided", "--source", source)
    assert (result.exit_code, said in result.stderr) == (code, True), result.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--guided", "a.png"), "leave PICTURES out"),
        (("a.png", "--glasses"), "go with --guided"),
        (("a.png", "--preview", "x.png"), "go with --guided"),
        ((), "name PICTURES of the person, or use --guided"),
    ],
)
def test_one_way_at_a_time(edgeface: Edgeface, words: tuple[str, ...], sentence: str) -> None:
    result = edgeface("enrol", "Eileen", *words)
    assert result.exit_code == 2
    assert sentence in result.output


def test_a_preview_that_cannot_be_written(
    edgeface: Edgeface, film: Callable[..., Path], astronaut: Pixels, tmp_path: Path
) -> None:
    result = edgeface(
        "enrol", "E", "--guided", "--source", film(turning(astronaut)), "--preview", tmp_path / "no" / "ring.png"
    )
    assert result.exit_code == 2
    assert "--preview" in result.output


def test_a_ring_fills_and_shows_where_the_head_points() -> None:
    def drawn(left: float, yaw_deg: float) -> Pixels:
        filled = {"frontal": 1.0, "left": left, "right": 0.0}
        heading = (yaw_deg, 0.0)
        return ring_picture(
            Ring(filled=filled, asked="left", heading_deg=heading, words="turn", note="2", stopped=False)
        )

    full, empty = drawn(1.0, 0.0), drawn(0.0, 0.0)
    changed = np.argwhere((full != empty).any(axis=2))
    assert changed[:, 1].max() < 240  # the person's left is the left of the mirror
    nose = [np.argwhere((drawn(0.0, yaw) != empty).any(axis=2))[:, 1].mean() for yaw in (30.0, -30.0)]
    assert nose[0] > 240 > nose[1]
