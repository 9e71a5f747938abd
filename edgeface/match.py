"""A probe against everybody enrolled. Raises rather than compare across models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeface.embed import Embedding, Template
from edgeface.errors import ModelMismatch
from edgeface.model import Scoring, Tensor
from edgeface.scoring import probes, shifts, templates

LIFT = 0.1
"""By how much, in cosine, templates that visits taught may raise a person's score above what the enrolled ones give:
however they came about, nobody gets in who is less alike to the enrolment than the bar less this (models/learning.md).
"""


AS_IT_IS = np.array([1, 0], np.float32)
"""Price of a template that the embedder in use made itself."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gallery:
    """Everybody enrolled with one model, frozen."""

    model_sha256: str
    """The model whose embeddings these are."""
    vectors: Tensor
    """float32, shape (templates, dimensions), unit rows: as they were enrolled."""
    counted: Tensor
    """The same, as they are compared (`edgeface.scoring.templates`)."""
    owners: npt.NDArray[np.intp]
    """shape (templates,): index into `people` for each row."""
    people: tuple[str, ...]
    """Opaque ids."""
    learned: npt.NDArray[np.bool_]
    """shape (templates,): rows that visits taught (`edgeface.learn`); all others were enrolled."""
    revision: int
    """Grows with every change; scores of different revisions do not mix."""
    carried: npt.NDArray[np.bool_] | None = None
    """shape (templates,): rows that a former embedder made and a map carried over; None: there are none."""
    price: Tensor | None = None
    """float32, shape (templates, 2): scale and shift that each row's cosines count by (`edgeface.bridge`,
    `edgeface.scoring`); None: all count as they are."""
    scoring: Scoring | None = None
    """The embedder's."""

    def rows_of(self, person_id: str) -> npt.NDArray[np.intp]:
        """Places of a person's templates."""
        return np.flatnonzero(self.owners == (self.people.index(person_id) if person_id in self.people else -1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Carried:
    """Templates of a former embedder, carried over by one map."""

    rows: Tensor
    """float32, shape (n, dimensions), unit rows."""
    people: tuple[str, ...]
    """Whose each is."""
    learned: tuple[bool, ...]
    scale: float
    shift: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Match:
    """One probe's similarity to everybody."""

    scores: Tensor
    """float32, shape (people,): each person's best template, cosine -1..1."""
    probe: Tensor
    """What was compared: float32, shape (dimensions,), length 1."""
    revision: int
    """Of the gallery."""


def freeze(
    stored: npt.NDArray[np.int8],
    people: tuple[str, ...],
    model_sha256: str,
    revision: int,
    dimensions: int,
    learned: tuple[bool, ...] | None = None,
    carried: tuple[Carried, ...] = (),
    scoring: Scoring | None = None,
) -> Gallery:
    """Stored int8 templates (n, d) with the id of each one's person -> a gallery to match against.

    `learned`: which of them visits taught; none, if it is not given. `carried`: what former embedders made. `scoring`:
    the embedder's.
    """
    rows: Tensor = stored.reshape(-1, dimensions).astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    taught = np.zeros(len(people), np.bool_) if learned is None else np.array(learned, np.bool_)
    if carried:
        rows = np.concatenate([rows, *(one.rows for one in carried)])
        people = (*people, *(person for one in carried for person in one.people))
        taught = np.concatenate([taught, *(np.array(one.learned, np.bool_) for one in carried)])
    counted = templates(rows, scoring)
    names = tuple(dict.fromkeys(people))
    place = {person: index for index, person in enumerate(names)}
    owners = np.array([place[person] for person in people], np.intp)
    rows.flags.writeable = counted.flags.writeable = False
    return Gallery(
        model_sha256=model_sha256,
        vectors=rows,
        counted=counted,
        owners=owners,
        people=names,
        learned=taught,
        revision=revision,
        carried=np.arange(len(rows)) >= len(stored) if carried else None,
        price=_price(counted, carried, scoring) if carried or scoring is not None else None,
        scoring=scoring,
    )


def price_of(counted: Tensor, scoring: Scoring | None) -> Tensor:
    """Templates (n, d) that the embedder in use made, as they are compared -> their price, float32 (n, 2)."""
    price = np.tile(AS_IT_IS, (len(counted), 1))
    if scoring is not None:
        price[:, 1] = shifts(counted, scoring)
    return price


def _price(counted: Tensor, carried: tuple[Carried, ...], scoring: Scoring | None) -> Tensor:
    """Of a gallery's rows: what former embedders made stands last, and has a price of its own on top."""
    price = price_of(counted, scoring)
    first = len(counted) - sum(len(one.rows) for one in carried)
    for one in carried:
        mine = slice(first, first + len(one.rows))
        price[mine] = price[mine] * np.float32(one.scale) + np.array([0, one.shift], np.float32)
        first = mine.stop
    return price


def priced(cosines: Tensor, price: Tensor | None) -> Tensor:
    """Cosines to templates (..., n), as they count: float32."""
    return cosines if price is None else np.minimum(cosines * price[:, 0] + price[:, 1], np.float32(1))


def match(probe: Embedding, gallery: Gallery) -> Match:
    """Cosine similarity of a probe to each person.

    Raises ModelMismatch if the gallery was made with another model.
    """
    if probe.model_sha256 != gallery.model_sha256:
        raise ModelMismatch(
            f"the probe was made by model {probe.model_sha256[:12]}, the gallery by {gallery.model_sha256[:12]}: "
            "enrol again with the model in use, or go back to the former with `edgeface models use`"
        )
    return Match(scores=likeness(probe.vector, gallery), probe=probe.vector, revision=gallery.revision)


def likeness(vector: Tensor, gallery: Gallery) -> Tensor:
    """Cosine of a vector of length 1 to each person's nearest template: float32, shape (people,).

    Those that visits taught raise it by at most `LIFT`.
    """
    cosines = compared(vector, gallery)
    if not gallery.learned.any():
        return _best(cosines, gallery.owners, len(gallery.people))
    enrolled, taught = (
        _best(cosines[rows], gallery.owners[rows], len(gallery.people)) for rows in (~gallery.learned, gallery.learned)
    )
    lifted: Tensor = np.minimum(taught, enrolled + np.float32(LIFT))
    return np.maximum(enrolled, lifted, out=lifted)


def compared(vectors: Tensor, gallery: Gallery) -> Tensor:
    """Vectors (..., dimensions) of length 1 -> cosines to each template, as they count: (..., templates)."""
    return priced(probes(vectors, gallery.scoring) @ gallery.counted.T, gallery.price)


def _best(cosines: Tensor, owners: npt.NDArray[np.intp], people: int) -> Tensor:
    scores = np.full(people, -1, np.float32)
    np.maximum.at(scores, owners, cosines)
    return scores


def compare(template: Template, other: Template) -> float:
    """Cosine of two int8 templates, -1..1."""
    first, second = template.astype(np.float32), other.astype(np.float32)
    return float(first @ second / max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-9))
