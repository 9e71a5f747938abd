"""Films of one presentation: the same each time, and flat or deep as their kind says."""

from __future__ import annotations

import numpy as np
import pytest
from test_attacks import CAMERA, portrait, room

from test_liveness_motion import swing
from tools.attacks import film as films
from tools.attacks.motion import Moment, moved, turned
from tools.attacks.view import view_of
from tools.evaluate import presence


@pytest.mark.parametrize("kind", ["bona_fide_turning", "print_turned", "cut_out_worn"])
def test_a_seed_gives_the_same_film_again_and_it_moves(kind: str) -> None:
    first, again = (films.film(kind, portrait(), [portrait(1)], [room()], CAMERA, (3,)) for _ in range(2))
    assert len(first.shots) == films.FRAMES
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first.shots, again.shots, strict=True))
    assert not np.array_equal(first.shots[0].pixels, first.shots[5].pixels)
    assert {shot.species for shot in first.shots} == {kind}


def test_a_tilted_plane_stays_a_plane_and_the_face_in_its_place() -> None:
    one = portrait()
    view = view_of(np.eye(3), 320, 320, 1.0)
    assert moved(view, one, Moment()) is view
    tilted = moved(view, one, Moment(tilt_deg=(40.0, 0.0), distance=1e6))
    middle = np.append(one.box[:2] + one.box[2:] / 2, 1.0)
    place = tilted.matrix @ middle
    assert place[:2] / place[2] == pytest.approx(middle[:2])
    aside = tilted.matrix @ np.add(middle, (40.0, 0.0, 0.0))
    assert (aside / aside[2])[0] - middle[0] == pytest.approx(40 * np.cos(np.radians(40)), rel=1e-3)


def test_a_nose_moves_against_the_eyes_when_the_head_turns_and_the_background_stays() -> None:
    one = portrait()
    eyes, nose = one.landmarks[:2].mean(axis=0), one.landmarks[2]
    places = np.array([eyes, nose, [5.0, 5.0]], np.float32)
    across, _ = turned(one, places[None, :, 0], places[None, :, 1], Moment(head_deg=(20.0, 0.0)))
    shift = across[0] - places[:, 0]
    assert shift[1] > shift[0] + 2.0  # what is seen there comes from further right: the nose has moved left
    assert shift[2] == pytest.approx(0.0, abs=1e-3)
    assert len(swing(1.0)) == films.FRAMES


def test_rates_count_refusals_of_people_and_passes_of_attacks() -> None:
    said = [dict.fromkeys(presence.WAYS, index < 3) for index in range(10)]
    figures = presence.rates({"bona_fide_turning": said, "print_still": said})
    assert figures["bpcer_bona_fide_turning_track"].value == pytest.approx(0.7)
    assert figures["apcer_print_still_motion"].value == pytest.approx(0.3)
