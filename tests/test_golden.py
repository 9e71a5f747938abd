"""The main job on two real faces: who is enrolled is let in, who is not is not, who cannot be seen is told so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from edgeface import enrol, match
from edgeface.decide import Decision, Outcome
from edgeface.embed import to_template
from edgeface.enrol import Portrait
from edgeface.frame import Frame, Pixels
from edgeface.match import Gallery
from edgeface.pipeline import Options, Scene, judge, recognise
from edgeface.service.bootstrap import Loaded
from fakes import level
from portraits import blurred, empty, film


def enrolled(loaded: Loaded, **portraits: Pixels) -> Gallery:
    """These people, each with one template."""
    templates = []
    for pixels in portraits.values():
        found = enrol.portrait(pixels, loaded.models, Options())
        assert isinstance(found, Portrait), found
        templates.append(to_template(found.embedding.vector))
    embedder = loaded.models.embedder
    vectors = np.array(templates, np.int8).reshape(-1, embedder.spec.dimensions)
    spec, people = embedder.spec, tuple(portraits)
    return match.freeze(vectors, people, embedder.identity, 1, spec.dimensions, scoring=spec.scoring)


def decided(loaded: Loaded, gallery: Gallery, frames: Iterator[Frame]) -> list[Decision]:
    scene, told, options = Scene(), [], Options()
    for frame in frames:
        scene, _ = recognise(frame, scene, loaded.models, gallery, options)
        scene, decisions = judge(
            scene, gallery, level(gallery, loaded.floor), None, options, frame.captured_at, lambda: "id"
        )
        told += decisions
    return told


@pytest.fixture(scope="module")
def people(loaded: Loaded, astronaut: Pixels) -> Gallery:
    return enrolled(loaded, p_eileen=astronaut)


def test_the_enrolled_astronaut_is_let_in(loaded: Loaded, people: Gallery, astronaut: Pixels) -> None:
    (decision,) = decided(loaded, people, film(astronaut))
    assert (decision.outcome, decision.person_id, decision.shots) == (Outcome.GRANT, "p_eileen", 3)
    assert decision.score is not None
    assert decision.score > decision.threshold == loaded.floor


def test_a_stranger_is_unknown(loaded: Loaded, people: Gallery, hopper: Pixels) -> None:
    (decision,) = decided(loaded, people, film(hopper, 2.0))
    assert (decision.outcome, decision.person_id) == (Outcome.UNKNOWN, None)
    assert decision.score is not None
    assert decision.score < loaded.floor


def test_with_nobody_enrolled_everybody_is_unknown(loaded: Loaded, hopper: Pixels) -> None:
    (decision,) = decided(loaded, enrolled(loaded), film(hopper, 2.0))
    assert (decision.outcome, decision.score) == (Outcome.UNKNOWN, None)


@pytest.mark.parametrize("who", ["astronaut", "hopper"])
def test_the_right_one_of_two_is_let_in(
    loaded: Loaded, astronaut: Pixels, hopper: Pixels, who: str, request: pytest.FixtureRequest
) -> None:
    both = enrolled(loaded, astronaut=astronaut, hopper=hopper)
    (decision,) = decided(loaded, both, film(request.getfixturevalue(who)))
    assert (decision.outcome, decision.person_id) == (Outcome.GRANT, who)
    assert decision.margin is not None
    assert decision.margin > 0.2


def test_a_face_out_of_focus_is_insufficient_quality(loaded: Loaded, people: Gallery, astronaut: Pixels) -> None:
    """So blurred that no shot counts, not so blurred that no face is found."""
    frames = (replace(frame, pixels=blurred(frame.pixels, 10.0)) for frame in film(astronaut, 3.0))
    (decision,) = decided(loaded, people, frames)
    assert (decision.outcome, decision.shots, decision.person_id) == (Outcome.INSUFFICIENT_QUALITY, 0, None)
    assert "blurred in" in decision.reason


def test_two_visits_are_two_decisions(loaded: Loaded, people: Gallery, astronaut: Pixels, hopper: Pixels) -> None:
    frames = chain(film(astronaut, 1.0), empty(1.0, start_s=1.0), film(hopper, 2.0, start_s=2.0))
    told = decided(loaded, people, frames)
    assert [d.outcome for d in told] == [Outcome.GRANT, Outcome.UNKNOWN]
    assert told[0].track < told[1].track


def test_the_same_film_twice_gives_the_same_decisions(
    loaded: Loaded, people: Gallery, astronaut: Pixels, hopper: Pixels
) -> None:
    first, second = (
        decided(loaded, people, chain(film(astronaut, 0.8), film(hopper, 2.0, start_s=2.0))) for _ in range(2)
    )
    assert first == second
    assert len(first) == 2
