"""From pictures to templates, as the reader makes them, and what every measurement needs on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import numpy as np

from edgeface import align, detect, embed
from edgeface.detect import Detection, Points
from edgeface.frame import Pixels
from edgeface.model import Tensor
from edgeface.pipeline import Models
from tools.datasets import Archive
from tools.metrics import Figure

T = TypeVar("T")
Value = Figure | float | str
"""A rate with interval and n, a plain number, or a remark."""
Vectors = Mapping[str, Tensor | None]
"""A direction of length 1 for each picture; None where no face was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a measurement found."""

    figures: Mapping[str, Value]
    """In the order to show them."""
    draw: Callable[[Path], None] | None = None
    """Writes the measurement's plot, PNG or any kind that matplotlib knows by the file's name; None if it has none."""


def central(faces: Sequence[Detection], pixels: Pixels) -> Detection | None:
    """The face nearest to the picture's centre, which is whom an LFW picture is named after; None if there is none."""
    centre = np.array([pixels.shape[1], pixels.shape[0]]) / 2
    return min(faces, key=lambda one: float(np.abs(one.landmarks.mean(axis=0) - centre).sum()), default=None)


def central_face(pixels: Pixels, models: Models) -> Detection | None:
    """As `central`, by the models' own detector."""
    return central(detect.detect(pixels, models.detector, detect.Options()), pixels)


def vector_at(pixels: Pixels, landmarks: Points, models: Models) -> Tensor:
    """Embedding of the face at these landmarks: float32, L2 norm 1."""
    return embed.embed(align.chip(pixels, landmarks, models.embedder.spec), models.embedder).vector


def vectors_of(archive: Archive, names: Iterable[str], models: Models, label: str) -> dict[str, Tensor | None]:
    """Embeddings of the central faces of an archive's pictures, before they are stored as templates."""
    found: dict[str, Tensor | None] = {}
    for name in progress(list(names), label):
        pixels = archive.picture(name)
        face = central_face(pixels, models)
        found[name] = None if face is None else vector_at(pixels, face.landmarks, models)
    return found


def stored(vector: Tensor | None) -> Tensor | None:
    """The direction that is left once a vector has been kept as a template, a byte a dimension."""
    return None if vector is None else embed.from_template(embed.to_template(vector))


def similarity(first: Tensor | None, second: Tensor | None) -> float:
    """Cosine, -1..1; a picture without a face is like nothing."""
    return -1.0 if first is None or second is None else float(first @ second)


def person_of(file: str) -> str:
    """Whom a picture shows: LFW keeps them in a folder a person."""
    return Path(file).parent.name


def progress(items: Sequence[T], label: str) -> Iterator[T]:
    """The items, with a bar that says how far we are."""
    with click.progressbar(items, label=label) as bar:
        yield from bar
