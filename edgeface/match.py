"""A probe against everybody enrolled. Raises rather than compare across models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeface.embed import Embedding, Template
from edgeface.errors import ModelMismatch
from edgeface.model import Tensor


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
    templates: npt.NDArray[np.int8], people: tuple[str, ...], model_sha256: str, revision: int, dimensions: int
) -> Gallery:
    """Stored int8 templates (n, d) with the id of each one's person -> a gallery to match against."""
    rows: Tensor = templates.reshape(-1, dimensions).astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    names = tuple(dict.fromkeys(people))
    place = {person: index for index, person in enumerate(names)}
    owners = np.array([place[person] for person in people], np.intp)
    rows.flags.writeable = False
    return Gallery(model_sha256=model_sha256, vectors=rows, owners=owners, people=names, revision=revision)


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
    """Cosine of a vector of length 1 to each person's nearest template: float32, shape (people,)."""
    scores = np.full(len(gallery.people), -1, np.float32)
    np.maximum.at(scores, gallery.owners, gallery.vectors @ vector)
    return scores


def compare(template: Template, other: Template) -> float:
    """Cosine of two int8 templates, -1..1."""
    first, second = template.astype(np.float32), other.astype(np.float32)
    return float(first @ second / max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-9))
