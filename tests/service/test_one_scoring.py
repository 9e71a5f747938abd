"""Whatever compares faces gives the number that the door gives, by the embedder's own scoring."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgeface import learn
from edgeface.bar import derive
from edgeface.commands import words_local
from edgeface.embed import to_template, unit
from edgeface.enrol import bars
from edgeface.frame import Instant
from edgeface.match import Gallery, compared, likeness
from edgeface.model import Tensor
from edgeface.service.bootstrap import Loaded, freeze_gallery
from edgeface.service.desk import moves
from edgeface.service.enrolment import grown
from edgeface.service.moving import settle_in
from edgeface.store.bundle import Bundle, Traveller
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.lessons import LessonStore
from portraits import at
from shots import person

VISITOR = unit(person(0) + 0.9 * person(7))


@pytest.fixture
def database(tmp_path: Path, loaded: Loaded) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        for number in range(3):
            GalleryStore(opened).enrol(f"Person {number}", [template(person(number), loaded)], at(0.0))
        yield opened


def template(vector: Tensor, loaded: Loaded) -> NewTemplate:
    identity = loaded.models.embedder.identity
    return NewTemplate(model_sha256=identity, vector=to_template(vector), quality=80.0, pose=None, source="x")


def door(database: Database, loaded: Loaded) -> Gallery:
    return freeze_gallery(GalleryStore(database), loaded.models.embedder)


def test_the_door_compares_by_the_scoring(database: Database, loaded: Loaded) -> None:
    gallery = door(database, loaded)
    assert loaded.models.embedder.spec.scoring is gallery.scoring is not None
    assert np.abs(likeness(VISITOR, gallery) - gallery.vectors @ VISITOR).max() > 0.01


def test_a_gallery_grows_as_it_would_be_read_anew(database: Database, loaded: Loaded) -> None:
    before, more = door(database, loaded), template(person(9), loaded)
    added = GalleryStore(database).enrol("Person 9", [more], at(0.0))
    after = grown(before, [more], added.id)
    assert likeness(VISITOR, after) == pytest.approx(likeness(VISITOR, door(database, loaded)), abs=1e-6)


def test_commands_that_measure_see_what_the_door_sees(database: Database, loaded: Loaded) -> None:
    desk: Any = SimpleNamespace(database=database, loaded=lambda: loaded)
    gallery, _ = moves.freeze(moves.faces(desk, words_local.Faces(learned=True)), loaded.models.embedder)
    assert likeness(VISITOR, gallery) == pytest.approx(likeness(VISITOR, door(database, loaded)), abs=1e-6)


def test_lessons_are_judged_by_the_doors_score(database: Database, loaded: Loaded) -> None:
    gallery = door(database, loaded)
    pupil = LessonStore(database, "boot-1").pupil(gallery.people[0], gallery, [person(1)])
    assert pupil.originals == pytest.approx(gallery.counted[:1], abs=1e-6)
    assert pupil.price == pytest.approx(gallery.price[:1] if gallery.price is not None else None, abs=1e-6)
    own, other, *_ = likeness(VISITOR, gallery)
    said = learn.refusal(unit(person(1) + 0.1 * person(0)), pupil, learn.Options())
    assert said is not None
    rival = likeness(unit(person(1) + 0.1 * person(0)), gallery)
    assert f"({rival[1]:.2f}) than like what was enrolled ({rival[0]:.2f})" in said
    assert learn.refusal(VISITOR, pupil, learn.Options()) is None
    assert own > other


def test_whoever_moves_in_is_compared_as_at_the_door(database: Database, loaded: Loaded) -> None:
    embedder, now = loaded.models.embedder, Instant(monotonic_ns=0, wall_ns=10**18, wall_trusted=True)
    gallery = door(database, loaded)
    same = bars(embedder.spec, len(gallery.people)).same
    turned = [unit(person(0) + part * person(7)) for part in np.linspace(0.5, 12, 600)]
    scores = np.array([likeness(vector, gallery)[0] for vector in turned])
    above, below = (turned[int(np.argmin(np.abs(scores - same - lead)))] for lead in (0.01, -0.01))
    told = []
    for number, vector in enumerate((above, below)):
        one = template(vector, loaded)
        people = (Traveller(id=f"p_{number:016x}", name=f"New {number}", consent=None, templates=(one,)),)
        bundle = Bundle(gallery_id="g", model_sha256=embedder.identity, people=people)
        (arrived,) = settle_in(database, bundle, embedder, now, need_consent=False)
        told.append(arrived.refused is not None)
    assert told == [True, False]


def test_look_alikes_are_as_alike_as_one_would_be_at_the_door(database: Database, loaded: Loaded) -> None:
    near = unit(person(0) + 0.5 * person(8))
    GalleryStore(database).enrol("Twin", [template(near, loaded)], at(0.0))
    gallery = door(database, loaded)
    either = compared(gallery.vectors, gallery)
    ((first, second, cosine), *_) = derive(gallery, loaded.models.embedder.spec).too_alike
    places = [gallery.people.index(one) for one in (first, second)]
    assert cosine == pytest.approx(max(either[places[0], places[1]], either[places[1], places[0]]), abs=1e-6)
    assert cosine != pytest.approx(float(gallery.vectors[places[0]] @ gallery.vectors[places[1]]), abs=1e-3)
