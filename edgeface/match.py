"""A probe against everybody enrolled. Raises rather than compare across models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeface.embed import Embedding, Template
from edgeface.errors import ModelMismatch
from edgeface.model import Tensor

LIFT = 0.1
"""By how much, in cosine, templates that visits taught may raise a person's score above what the enrolled ones give:
however they came about, nobody gets in who is less alike to the enrolment than the bar less this (models/learning.md).
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gallery:
    """Everybody enrolled with one model, frozen."""

    model_sha256: str
    """The model whose embeddings these are."""
    vectors: Tensor
    """float32, shape (templates, dimensions), unit rows."""
    owners: npt.NDArray[np.intp]
    """shape (templates,): index into `people` for each row."""
    people: tuple[str, ...]
    """Opaque ids."""
    learned: npt.NDArray[np.bool_]
    """shape (templates,): rows that visits taught (`edgeface.learn`); all others were enrolled."""
    revision: int
    """Grows with every change; scores of different revisions do not mix."""


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
    templates: npt.NDArray[np.int8],
    people: tuple[str, ...],
    model_sha256: str,
    revision: int,
    dimensions: int,
    learned: tuple[bool, ...] | None = None,
) -> Gallery:
    """Stored int8 templates (n, d) with the id of each one's person -> a gallery to match against.

    `learned`: which of them visits taught; none, if it is not given.
    """
    rows: Tensor = templates.reshape(-1, dimensions).astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    names = tuple(dict.fromkeys(people))
    place = {person: index for index, person in enumerate(names)}
    owners = np.array([place[person] for person in people], np.intp)
    rows.flags.writeable = False
    taught = np.zeros(len(people), np.bool_) if learned is None else np.array(learned, np.bool_)
    return Gallery(
        model_sha256=model_sha256, vectors=rows, owners=owners, people=names, learned=taught, revision=revision
    )


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
    cosines = gallery.vectors @ vector
    if not gallery.learned.any():
        return _best(cosines, gallery.owners, len(gallery.people))
    enrolled, taught = (
        _best(cosines[rows], gallery.owners[rows], len(gallery.people)) for rows in (~gallery.learned, gallery.learned)
    )
    lifted: Tensor = np.minimum(taught, enrolled + np.float32(LIFT))
    return np.maximum(enrolled, lifted, out=lifted)


def _best(cosines: Tensor, owners: npt.NDArray[np.intp], people: int) -> Tensor:
    scores = np.full(people, -1, np.float32)
    np.maximum.at(scores, owners, cosines)
    return scores


def compare(template: Template, other: Template) -> float:
    """Cosine of two int8 templates, -1..1."""
    first, second = template.astype(np.float32), other.astype(np.float32)
    return float(first @ second / max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-9))
