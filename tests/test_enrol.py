"""A picture makes a template only if it shows one good face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeface import detect, enrol, pipeline, quality
from edgeface.enrol import Portrait, Unfit
from edgeface.frame import Pixels
from edgeface.pipeline import Options
from edgeface.service.bootstrap import Loaded
from portraits import blurred


def made(loaded: Loaded, pixels: Pixels) -> Portrait | Unfit:
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


def test_what_is_enrolled_is_sharper_than_what_a_door_asks_for(loaded: Loaded, astronaut: Pixels) -> None:
    soft = next(
        found
        for found in (blurred(astronaut, sigma / 4) for sigma in range(4, 40))
        if 3.2 < seen(loaded, found).sharpness < 5.8
    )
    assert seen(loaded, soft).accepted
    refused = made(loaded, soft)
    assert isinstance(refused, Unfit)
    assert refused.kind == "blurred"


def seen(loaded: Loaded, pixels: Pixels) -> quality.Quality:
    """As at a door."""
    (face,) = detect.detect(pixels, loaded.models.detector, Options().detect)
    return pipeline.examine(pixels, face, loaded.models, Options()).quality


def test_no_face(loaded: Loaded) -> None:
    found = made(loaded, np.full((300, 300, 3), 127, np.uint8))
    assert isinstance(found, Unfit)
    assert (found.kind, found.pose) == ("no_face", None)
    assert "no face found" in found.advice


def test_two_faces(loaded: Loaded, astronaut: Pixels) -> None:
    twice = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
    found = made(loaded, twice)
    assert isinstance(found, Unfit)
    assert found.kind == "several_faces"
    assert "2 faces found: crop the picture" in found.advice


def test_how_large_a_bystander_may_be_is_a_setting(loaded: Loaded, astronaut: Pixels) -> None:
    twice = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
    options = Options(quality=quality.Options(max_second_face=1.5))
    assert isinstance(enrol.portrait(twice, loaded.models, options), Portrait)


def test_what_the_quality_model_takes_for_no_face_is_no_bystander(loaded: Loaded, astronaut: Pixels) -> None:
    """The same picture of two faces, with a model that calls the second, which it is shown first, an emblem."""
    assert loaded.models.quality is not None
    scores = iter([0.1, 0.9])
    scorer = replace(loaded.models.quality, infer=lambda _: (np.array([next(scores)], np.float32),))
    twice = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
    found = enrol.portrait(twice, replace(loaded.models, quality=scorer), Options())
    assert isinstance(found, Portrait)
    assert found.quality.unified_score == pytest.approx(90)


def test_a_face_far_behind_does_not_matter(loaded: Loaded, astronaut: Pixels) -> None:
    from edgeface.image import resize

    pixels = np.full((600, 800, 3), 127, np.uint8)
    pixels[60:580, 20:480] = resize(astronaut, 460, 520)
    pixels[20:85, 600:657] = resize(astronaut, 57, 65)
    assert isinstance(made(loaded, pixels), Portrait)


def test_a_refusal_says_which_gate_and_what_to_do(loaded: Loaded, hopper: Pixels) -> None:
    found = made(loaded, (hopper * 0.1).astype(np.uint8))
    assert isinstance(found, Unfit)
    assert found.kind == "low_contrast"
    assert "too dark: brightness" in found.advice
    assert found.pose is not None
    found = made(loaded, blurred(hopper, 6))
    assert isinstance(found, Unfit)
    assert "hold still, or focus the camera: sharpness" in found.advice
