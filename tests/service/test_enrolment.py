"""Who may be added to a gallery: judged against how many are in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeface.embed import Embedding, to_template, unit
from edgeface.enrol import Portrait, bars
from edgeface.errors import EnrolmentError
from edgeface.match import freeze, likeness
from edgeface.model import Tensor
from edgeface.service.bootstrap import Loaded
from edgeface.service.enrolment import Registrar, Shot, Wish
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from portraits import at
from shots import made, person

CROWD = 200


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


def portrait(vector: Tensor, loaded: Loaded) -> Portrait:
    return replace(made(vector), embedding=Embedding(vector=vector, model_sha256=loaded.models.embedder.identity))


def enrol(database: Database, loaded: Loaded, name: str, vector: Tensor) -> None:
    one = NewTemplate(
        model_sha256=loaded.models.embedder.identity, vector=to_template(vector), quality=80.0, pose=None, source="x"
    )
    GalleryStore(database).enrol(name, [one], at(0.0))


def test_a_face_as_like_as_that_is_known_among_few_and_named_among_many(loaded: Loaded, database: Database) -> None:
    """One person is compared with everybody: among many, some stranger is as alike as that by chance."""
    spec, ada, aside = loaded.models.embedder.spec, person(0), person(1)
    aside = unit(aside - (aside @ ada) * ada)
    few, many = bars(spec).same, bars(spec, CROWD + 1).same
    turned = [unit(cosine * ada + np.sqrt(1 - cosine**2) * aside) for cosine in np.linspace(few - 0.1, many, 200)]
    alone = freeze(
        to_template(ada)[None], ("p_ada",), loaded.models.embedder.identity, 1, len(ada), scoring=spec.scoring
    )
    between = min(turned, key=lambda vector: abs(float(likeness(vector, alone)[0]) - (few + many) / 2))
    new = Shot(source="x", portrait=portrait(between, loaded))
    enrol(database, loaded, "Ada", ada)
    with pytest.raises(EnrolmentError, match="already enrolled as Ada"):
        Registrar(database, loaded.models.embedder).admit(Wish(name="Eve"), [new], None, at(1.0))
    with database.transaction():
        for number in range(CROWD):
            enrol(database, loaded, f"Somebody {number}", person(100 + number))
    admitted = Registrar(database, loaded.models.embedder).admit(Wish(name="Eve"), [new], None, at(1.0))
    assert [sentence.startswith("looks like Ada") for sentence in admitted.alike] == [True]
