"""A picture makes a template only if it shows one good face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeface import enrol
from edgeface.enrol import Portrait
from edgeface.frame import Pixels
from edgeface.pipeline import Options
from edgeface.service.bootstrap import Loaded
from portraits import blurred


def made(loaded: Loaded, pixels: Pixels) -> Portrait | str:
    return enrol.portrait(pixels, loaded.models, Options())


@pytest.mark.parametrize("who", ["astronaut", "hopper"])
def test_a_portrait_becomes_an_embedding(loaded: Loaded, who: str, request: pytest.FixtureRequest) -> None:
    found = made(loaded, request.getfixturevalue(who))
    assert isinstance(found, Portrait)
    assert found.quality.accepted
    assert found.embedding.model_sha256 == loaded.embedder.identity
    assert np.linalg.norm(found.embedding.vector) == pytest.approx(1, abs=1e-5)


def test_the_same_person_is_alike_and_another_is_not(loaded: Loaded, astronaut: Pixels, hopper: Pixels) -> None:
    dimmed = (astronaut * 0.7).astype(np.uint8)
    portraits = [made(loaded, pixels) for pixels in (astronaut, dimmed, hopper)]
    first, again, other = (p.embedding.vector for p in portraits if isinstance(p, Portrait))
    assert float(first @ again) > loaded.floor > float(first @ other)


def test_no_face(loaded: Loaded) -> None:
    assert "no face found" in str(made(loaded, np.full((300, 300, 3), 127, np.uint8)))


def test_two_faces(loaded: Loaded, astronaut: Pixels) -> None:
    twice = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
    sentence = made(loaded, twice)
    assert isinstance(sentence, str)
    assert "faces found: crop the picture" in sentence


def test_what_the_quality_model_takes_for_no_face_is_no_bystander(loaded: Loaded, astronaut: Pixels) -> None:
    """The same picture of two faces, with a model that calls the second, which it is shown first, an emblem."""
    assert loaded.models.quality is not None
    scores = iter([0.1, 0.9])
    quality = replace(loaded.models.quality, infer=lambda _: (np.array([next(scores)], np.float32),))
    twice = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
    found = enrol.portrait(twice, replace(loaded.models, quality=quality), Options())
    assert isinstance(found, Portrait)
    assert found.quality.unified_score == pytest.approx(90)


def test_a_face_far_behind_does_not_matter(loaded: Loaded, astronaut: Pixels) -> None:
    from edgeface.image import resize

    pixels = np.full((600, 800, 3), 127, np.uint8)
    pixels[60:580, 20:480] = resize(astronaut, 460, 520)
    pixels[20:85, 600:657] = resize(astronaut, 57, 65)
    assert isinstance(made(loaded, pixels), Portrait)


def test_a_refusal_says_which_gate(loaded: Loaded, hopper: Pixels) -> None:
    sentence = made(loaded, (hopper * 0.08).astype(np.uint8))
    assert isinstance(sentence, str)
    assert "too_dark: brightness" in sentence or "no face found" in sentence
    sentence = made(loaded, blurred(hopper, 9))
    assert isinstance(sentence, str)
    assert "blurred: sharpness" in sentence or "no face found" in sentence
