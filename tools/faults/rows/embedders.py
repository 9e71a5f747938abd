"""Another embedder under an old gallery: other weights, or the same ones fed or read otherwise; or several in it."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgeface import match
from edgeface.adapters import tflite
from edgeface.bridge import Bridge, carry
from edgeface.commands import words
from edgeface.embed import Embedder, Embedding, Template, from_template, to_template, unit
from edgeface.enrol import Portrait, portrait
from edgeface.errors import GalleryCorrupt, ModelMismatch
from edgeface.match import Gallery
from edgeface.model import Tensor
from edgeface.service.bootstrap import Loaded, freeze_gallery, load_models
from edgeface.service.desk import Desk, device, people
from edgeface.service.settings import Config
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from tools.faults.deeds import now
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory
from tools.hallway.camera import portraits

FOREIGN = {"1" * 64: 128, "2" * 64: 64}
"""Embedders that are not on this machine any more: dimensions by identity."""

READ: tuple[dict[str, Any], ...] = (
    {},
    {"mirror": False},
    {"order": "BGR"},
    {"mean": 120.0},
    {"std": 120.0},
    {"template": ((0.32, 0.42), (0.68, 0.42), (0.5, 0.62), (0.36, 0.8), (0.64, 0.8))},
)
"""The shipped embedder, and what else may be made of its weights."""

Know = Callable[[GalleryStore, Embedder], Gallery]


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """An embedder that may be in use, and what it makes of two people."""

    embedder: Embedder
    faces: tuple[Tensor, Tensor]


Made = dict[str, dict[str, list[Template]]]
"""Templates by person and by the embedder that made them."""


def swapped(n: int, seed: int, know: Know = freeze_gallery) -> Result:
    """Whoever has a template that the embedder in use can compare is known by that alone; all others are told of."""
    dice, wrong, strangers = random.Random(seed), list[str](), 0
    with folder_in_memory() as home:
        loaded = load_models(home)
    pool = _pool(loaded)
    if len({used.embedder.identity for used in pool}) < len(pool):
        wrong.append("two embedders that are not the same have one identity")
    for trial in range(n):
        used = dice.choice(pool)
        embedder = replace(used.embedder, bridges=_bridges(used.embedder, pool, dice))
        with folder_in_memory() as folder, closing(open_database(folder / "gallery.db")) as database:
            made = _lived(GalleryStore(database), pool, dice)
            understood = {who for who, models in made.items() if models.keys() & set(embedder.understood)}
            strangers += len(made) - len(understood)
            gallery = know(GalleryStore(database), embedder)
            problems = [
                *_compared(gallery, embedder, made),
                *_probed(gallery, used, pool),
                *_told(database, replace(loaded, models=replace(loaded.models, embedder=embedder)), understood),
            ]
            if set(gallery.people) != understood:
                problems.append("who is known is not who has templates of this embedder")
        wrong += [f"try {trial}: {problem}" for problem in problems[:2]]
    return Result(fault="another embedder under an old gallery", n=n, failures=wrong, seed=seed, acknowledged=strangers,
                  note="people who must enrol again")  # fmt: skip


def any_embedders(n: int, seed: int) -> Result:
    """The control: templates of the same length are compared, whichever embedder made them."""

    def know(store: GalleryStore, embedder: Embedder) -> Gallery:
        found = []
        for model in sorted({model for person in store.people() for model in person.templates}):
            with suppress(GalleryCorrupt):  # of another length
                found.append(store.load(model, embedder.spec.dimensions))
        whose = tuple(person for one in found for person in one.person_ids)
        vectors = np.concatenate([one.vectors for one in found])
        return match.freeze(vectors, whose, embedder.identity, store.revision(), embedder.spec.dimensions)

    return swapped(n, seed, know)


def _pool(loaded: Loaded) -> tuple[Used, ...]:
    entry, found = loaded.choice.embedder, []
    for changes in READ:
        model = tflite.load(replace(entry.spec, **changes), entry.folder, content=entry.content)
        embedder = Embedder(spec=model.spec, infer=model, identity=model.identity)
        models = replace(loaded.models, embedder=embedder)
        looked = [portrait(pixels, models, Config().pipeline()) for pixels in portraits()]
        first, second = (one.embedding.vector for one in looked if isinstance(one, Portrait))
        found.append(Used(embedder=embedder, faces=(first, second)))
    return tuple(found)


def _bridges(embedder: Embedder, pool: tuple[Used, ...], dice: random.Random) -> tuple[Bridge, ...]:
    """Every third time a map from some former embedder."""
    if dice.randrange(3):
        return ()
    dimensions = FOREIGN | {used.embedder.identity: 128 for used in pool}
    former = dice.choice(sorted(dimensions.keys() - {embedder.identity}))
    matrix = np.eye(128, dimensions[former], dtype=np.float32)
    return (Bridge(former=former, matrix=matrix, offset=np.zeros(128, np.float32), scale=0.9, shift=0.0, measured=""),)


def _lived(store: GalleryStore, pool: tuple[Used, ...], dice: random.Random) -> Made:
    """Two people whose faces are known and some others, each with templates of one embedder or several."""
    chance, made = np.random.default_rng(dice.getrandbits(32)), {}
    faces = {used.embedder.identity: used.faces for used in pool}
    for number in range(dice.randrange(2, 6)):
        templates: dict[str, list[Template]] = {}
        for model in dice.sample(sorted(faces | FOREIGN), dice.choice((1, 1, 2, 3))):
            vector = unit(chance.normal(size=FOREIGN.get(model, 128)).astype(np.float32))
            if model in faces and number < 2:
                vector = faces[model][number]
            templates[model] = [to_template(vector)]
        new = [
            NewTemplate(model_sha256=model, vector=one, quality=80.0, pose=None, source="x")
            for model, all_of in templates.items()
            for one in all_of
        ]
        made[store.enrol(f"person {number}", new, now()).id] = templates
    return made


def _compared(gallery: Gallery, embedder: Embedder, made: Made) -> list[str]:
    """Rows that are neither this embedder's own nor carried over by its map."""
    wrong = []
    for row, owner in zip(gallery.vectors, gallery.owners, strict=True):
        templates = made[gallery.people[owner]]
        allowed = [from_template(one) for one in templates.get(embedder.identity, ())]
        for bridge in embedder.bridges:
            if former := templates.get(bridge.former):
                allowed += list(carry(np.stack(former), bridge))
        if not any(np.allclose(row, one, atol=1e-5) for one in allowed):
            wrong.append("a template of another embedder is compared")
    return wrong


def _probed(gallery: Gallery, used: Used, pool: tuple[Used, ...]) -> list[str]:
    """What another embedder makes of a face must meet nobody."""
    match.match(Embedding(vector=used.faces[0], model_sha256=used.embedder.identity), gallery)
    wrong = []
    for other in pool:
        if other is not used:
            with suppress(ModelMismatch):
                match.match(Embedding(vector=other.faces[0], model_sha256=other.embedder.identity), gallery)
                wrong.append("a probe of another embedder was compared")
    return wrong


def _told(database: Database, loaded: Loaded, understood: set[str]) -> list[str]:
    """Whether status and list of people say who must enrol again."""
    desk = Desk(config=Config(), database=database, loaded=lambda: loaded, now=now, by="faults")
    listed = people.everybody(desk, words.Page(first=0, most=100, find=""))
    without = {row.id for row in listed.people if row.templates == 0}
    wrong = [] if without == {row.id for row in listed.people} - understood else ["the list says that of others"]
    if device.health(desk, words.Nothing()).lacking != len(without):
        wrong.append("the status counts others")
    return wrong
