"""What counts as a switch, and films with known truth."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from edgeface import decide
from edgeface.detect import PixelBox
from edgeface.embed import Embedder
from edgeface.pipeline import Options
from edgeface.pose import Pose
from fakes import axis, detection, embedder_spec, gallery, level
from tools import crowds
from tools.crowd_bank import Film, Look
from tools.crowd_play import Played, Reader, play
from tools.crowds import Face, Head, Path, Script
from tools.samples.turn_faces import Angles
from tools.trackers import Gather, Plain, centroid, greedy, ours
from tools.tracking import Counts, There, Told, ahead, count, pair, rate

pytest.importorskip("scipy")
HERE, THERE = PixelBox(x=0, y=0, w=10, h=10), PixelBox(x=100, y=0, w=10, h=10)


def seen(track: int | None, *, counts: bool = True, box: PixelBox = HERE) -> tuple[list[There], list[Told]]:
    """One frame with Ada, told by this number or not at all."""
    told = [] if track is None else [Told(track=track, box=HERE)]
    return [There(person="ada", box=box, counts=counts)], told


def test_a_track_that_goes_on_is_neither_switched_nor_fragmented() -> None:
    counts = count([seen(1), seen(1), seen(None, counts=False), seen(1)])
    assert (counts.switches, counts.fragments, counts.missed, counts.faces) == (0, 0, 0, 3)
    assert (counts.identified, counts.told, counts.people, counts.tracks) == (3, 3, 1, 1)


def test_a_person_who_gets_another_number_is_a_switch_and_a_gap_a_fragment() -> None:
    counts = count([seen(1), seen(None), seen(2), seen(2)])
    assert (counts.switches, counts.fragments, counts.missed, counts.tracks) == (1, 1, 1, 2)
    assert (counts.identified, counts.faces, counts.told) == (2, 4, 3)
    assert rate("idf1", [counts]).value == pytest.approx(2 * 2 / (4 + 3))
    assert rate("mota", [counts]).value == pytest.approx(1 - 2 / 4)


def test_what_is_told_where_nobody_is_is_false_and_half_hidden_faces_do_not_count() -> None:
    counts = count([seen(1, box=THERE), seen(1, counts=False)])
    assert (counts.false, counts.missed, counts.faces, counts.told) == (1, 1, 1, 1)


def test_faces_are_paired_by_most_overlap_in_all() -> None:
    there = [There(person=name, box=PixelBox(x=x, y=0, w=10, h=10), counts=True) for name, x in (("a", 0), ("b", 4))]
    told = [Told(track=n, box=PixelBox(x=x, y=0, w=10, h=10)) for n, x in ((1, 5), (2, 1))]
    assert pair(there, told) == {0: 1, 1: 0}
    assert pair(there, []) == {}


def test_a_difference_of_two_trackers_is_paired_by_film() -> None:
    good, bad = Counts(people=1, switches=0), Counts(people=1, switches=2)
    assert ahead("switches_per_person", [good, bad], [bad, Counts(people=1, switches=4)]).value == -2
    assert ahead("switches_per_person", [good] * 9, [bad] * 9).low == -2


def head(person: str) -> Head:
    return Head(
        person=person,
        pixels=np.random.default_rng(0).integers(0, 255, (150, 140, 3), np.uint8),
        landmarks=np.array([[55, 60], [85, 60], [70, 78], [58, 93], [82, 93]], np.float32),
        box=PixelBox(x=40, y=35, w=60, h=80),
        pose=Angles(yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0),
    )


@pytest.mark.parametrize("name", crowds.SCRIPTS)
def test_every_script_can_be_filmed_and_the_truth_stays_within_reason(name: str) -> None:
    random = np.random.default_rng(3)
    script = crowds.SCRIPTS[name](random)
    wall = np.full((crowds.HEIGHT_PX, crowds.WIDTH_PX, 3), 128, np.uint8)
    heads = (head("a"),) * len(script.paths)
    shots = list(islice(crowds.film(script, heads, wall, random), 3))
    assert all(path.x.shape == path.width.shape == (crowds.FRAMES,) for path in script.paths)
    assert shots[0].pixels.shape == wall.shape
    assert len(shots[0].faces) == len(script.paths)
    assert all(0 <= face.seen <= 1 for shot in shots for face in shot.faces)


def test_who_is_nearer_hides_who_is_behind() -> None:
    """Two at one place: the larger one is seen, and a pillar hides both."""
    still = np.full(crowds.FRAMES, 0.5)
    paths = tuple(Path(x=still, y=still, width=still * size) for size in (0.16, 0.2))
    wall = np.full((crowds.HEIGHT_PX, crowds.WIDTH_PX, 3), 128, np.uint8)
    for pillar, expected in ((None, (0.0, 1.0)), ((0.3, 0.7), (0.0, 0.0))):
        film = crowds.film(Script(paths=paths, pillar=pillar), (head("a"), head("b")), wall, np.random.default_rng(0))
        faces = {face.person: face.seen for face in next(film).faces}
        assert (faces["a"], faces["b"]) == pytest.approx(expected, abs=0.1)


def crossing() -> Film:
    """Ada and Bob pass through each other between the sixth frame and the seventh; every frame shows both well."""
    ways = {"p_ada": [100 + 25 * i for i in range(12)], "p_bob": [375 - 25 * i for i in range(12)]}
    vectors = {"p_ada": axis(0.95, rest=30), "p_bob": axis(0.0, 0.95, rest=40)}
    faces, looks = [], []
    for index in range(12):
        boxes = {name: detection(x=float(xs[index]), y=100.0, side=100.0) for name, xs in ways.items()}
        faces.append(tuple(Face(person=name, box=one.box, seen=1.0) for name, one in boxes.items()))
        looks.append(
            tuple(
                Look(
                    detection=one,
                    accepted=True,
                    quality=80.0,
                    pose=Pose(yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0),
                    vector=_noisy(vectors[name], index),
                )
                for name, one in boxes.items()
            )
        )
    return Film(script="crossing", faces=tuple(faces), looks=tuple(looks))


def _noisy(vector: np.ndarray, index: int) -> np.ndarray:
    """No two shots are one picture."""
    made = vector.copy()
    made[-2] += 0.05 * (7 * index % 5 - 2)
    return made / np.linalg.norm(made)


SOON = Options(decide=decide.Options(unknown_shots=8))
"""Whoever is strange is told so within the film."""


def played(gather: Gather | None, *people: str) -> Played:
    enrolled = gallery(people)
    embedder = Embedder(spec=embedder_spec(), infer=lambda _: (), identity="m" * 64)
    reader = Reader(gather=gather or ours(embedder), gallery=enrolled, bar=level(enrolled, 0.5), options=SOON)
    return play(crossing(), reader)


@pytest.mark.parametrize("gather", [Plain(link=greedy).gather, Plain(link=centroid).gather, None])
def test_a_film_is_played_before_the_door(gather: Gather | None) -> None:
    one = played(gather, "p_ada")
    assert (one.door.granted, one.door.wrong, one.door.known, one.door.let_in) == (1, 0, 1, 1)
    assert one.door.waits_s == [pytest.approx(0.2)]
    assert (one.counts.faces, one.counts.missed) == (24, 0)


def test_the_door_is_held_to_the_truth() -> None:
    """Eve has Bob's face in this gallery, and Bob is let in as Eve."""
    door = played(None, "p_ada", "p_eve").door
    assert (door.granted, door.wrong, door.known, door.let_in) == (2, 1, 1, 1)


def test_looks_keep_two_apart_whom_motion_takes_for_each_other() -> None:
    """The nearest middle of a face swaps them; shots of both then make one decision."""
    plain, mine = played(Plain(link=centroid).gather), played(None)
    assert (plain.counts.switches, plain.door.mixed) == (2, 2)
    assert (mine.counts.switches, mine.door.mixed) == (0, 0)
