"""From pictures to templates, as the reader makes them, and what every measurement needs on the way.

A measurement is a function from a `Bench` to a `Report`; `tools.evaluate.__main__.MEASURES` lists them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar

import click
import numpy as np

from edgeface import align, detect, embed
from edgeface.adapters import download
from edgeface.adapters.spec import Entry
from edgeface.detect import Detection, Points
from edgeface.frame import Pixels
from edgeface.model import Tensor
from edgeface.pipeline import Models
from edgeface.service.bootstrap import Loaded
from tools.datasets import Archive
from tools.metrics import Figure

T = TypeVar("T")
Value = Figure | float | str
"""A rate with interval and n, a plain number, or a remark."""
Vectors = Mapping[str, Tensor | None]
"""A direction of length 1 for each picture; None where no face was found."""
QUICK = 8
"""A quick run takes one in so many."""
TWO_NAMES = {"Hasan_Wirayuda": "Hassan_Wirajuda"}
"""Folders of LFW that show a man of another folder, whose name they spell otherwise; seen by looking at the pictures.
Taken for strangers, his pictures would be the most alike of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A picture of a measurement."""

    says: str
    """What it shows, as a sentence."""
    draw: Callable[[Path], None]
    """Writes it, as PNG or any kind that matplotlib knows by the file's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a measurement found."""

    figures: Mapping[str, Value]
    """Ours, in the order to show them."""
    peers: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """By peer: figures of the same names, from the same pictures."""
    ahead: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    """By peer: ours minus theirs, paired by picture or person, with the interval of the difference."""
    plots: Mapping[str, Plot] = field(default_factory=dict)
    """By short name: the file is called MEASURE-NAME.png."""
    remarks: tuple[str, ...] = ()
    """Sentences about this run: what was left out, and why."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bench:
    """What a measurement may use. It remembers every face and embedding of a run, so that none is made twice."""

    data: Path
    """Folder of the archives."""
    loaded: Loaded
    home: Path = Path("work/home")
    """edgeface home that `loaded` was loaded from."""
    peers: Path | None = None
    """Folder of other people's models to measure beside ours; None: only ours."""
    utkface: Path | None = None
    """Folder of UTKFace's pictures, or None."""
    quick: bool = False
    """One in eight of everything: shows that all runs, measures little."""
    faces: dict[tuple[Path, str], Detection | None] = field(default_factory=dict, repr=False)
    """Central faces found so far, by archive and picture."""
    known: dict[tuple[Path, str], Tensor | None] = field(default_factory=dict, repr=False)
    """Their embeddings, likewise."""

    def sample(self, items: Iterable[T]) -> list[T]:
        """The items; of a quick run, one in eight."""
        return list(items)[:: QUICK if self.quick else 1]

    def face(self, archive: Archive, name: str) -> Detection | None:
        """The central face of an archive's picture, by the detector in use at its own threshold."""
        key = archive.path, name
        if key not in self.faces:
            self.faces[key] = central_face(archive.picture(name), self.loaded.models)
        return self.faces[key]

    def vector(self, archive: Archive, name: str) -> Tensor | None:
        """The embedding of `face`, before it is stored as a template; None if there is no face."""
        key = archive.path, name
        if key not in self.known:
            pixels = archive.picture(name)
            if key not in self.faces:
                self.faces[key] = central_face(pixels, self.loaded.models)
            face = self.faces[key]
            self.known[key] = None if face is None else vector_at(pixels, face.landmarks, self.loaded.models)
        return self.known[key]

    def vectors(self, archive: Archive, names: Iterable[str], label: str) -> dict[str, Tensor | None]:
        """`vector` of many pictures, with a progress bar."""
        return {name: self.vector(archive, name) for name in progress(list(names), label)}

    def models(self) -> dict[str, str]:
        """Names and sha256 of the models in use."""
        return {entry.spec.name: entry.spec.sha256 for entry in self._chosen()}

    def thresholds(self) -> dict[str, dict[str, float]]:
        """By name of a model in use: its thresholds, which the manifest may change while the file stays."""
        return {entry.spec.name: dict(entry.spec.thresholds) for entry in self._chosen()}

    def _chosen(self) -> list[Entry]:
        chosen = (getattr(self.loaded.choice, one.name) for one in fields(self.loaded.choice))
        return [entry for entry in chosen if isinstance(entry, Entry)]

    def weights(self) -> dict[str, str]:
        """Names and sha256 of the peers' files."""
        files = sorted(self.peers.iterdir()) if self.peers else []
        return {one.name: download.digest(one) for one in files if one.is_file()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One line of what there is to measure."""

    title: str
    """Heading in the report."""
    run: Callable[[Bench], Report]
    needs: tuple[str, ...]
    """Archives below the data folder without which it cannot run."""
    method: str
    """How, by which standard, and what the figures do not say: a paragraph of the report."""
    option: str | None = None
    """Folder of the bench, "peers" or "utkface", without which there is nothing to do; None: none."""
    model: str | None = None
    """Model of `Loaded`, for example "quality", which may be missing: then there is nothing to measure."""


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


def stored(vector: Tensor | None) -> Tensor | None:
    """The direction that is left once a vector has been kept as a template, a byte a dimension."""
    return None if vector is None else template(vector)


def template(vector: Tensor) -> Tensor:
    """As `stored`, of a face that was found."""
    return embed.from_template(embed.to_template(vector))


def similarity(first: Tensor | None, second: Tensor | None) -> float:
    """Cosine, -1..1; a picture without a face is like nothing."""
    return -1.0 if first is None or second is None else float(first @ second)


def person_of(file: str) -> str:
    """Whom a picture shows: LFW keeps them in a folder a person, but one man in two (see `TWO_NAMES`)."""
    folder = Path(file).parent.name
    return TWO_NAMES.get(folder, folder)


def under_two_names(files: Iterable[str]) -> tuple[str, ...]:
    """A remark on every person among the pictures who has two names, and on the pairs that this concerns."""
    pictures = Counter(Path(file).parent.name for file in files)
    return tuple(
        f"{other} and {name} are one man under two spellings and count as one: "
        f"{pictures[other] * pictures[name]} pairs of pictures that the set's names would call strangers'."
        for other, name in TWO_NAMES.items()
        if pictures[other] and pictures[name]
    )


def progress(items: Sequence[T], label: str) -> Iterator[T]:
    """The items, with a bar that says how far we are."""
    with click.progressbar(items, label=f"{label:38}") as bar:
        yield from bar
