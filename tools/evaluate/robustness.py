"""How much of its skill the reader keeps on bad pictures: LFW's pairs, the second picture of each spoilt.

Each fault is drawn once a picture, from a seed that is the picture's name. The threshold is the one at which 1 % of the
strangers' pairs with the same fault match. `tar_*` takes the landmarks from the clean picture, so that the figure is
the embedder's; `end_to_end_*` finds the face in the spoilt picture, and counts a face not found as a non-match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from zlib import crc32

import numpy as np

from edgeface.detect import Points
from edgeface.frame import Pixels
from edgeface.model import Tensor
from tools import degrade, metrics
from tools.datasets import Archive
from tools.evaluate import plots
from tools.evaluate.acquire import Bench, Plot, Report, Value, central_face, progress, stored, vector_at
from tools.evaluate.verification import lfw_pairs
from tools.metrics import Figure, Floats, Pairs

RATE = 0.01
"""False match rate of the working point."""
MASKS = ((150, 190, 210), (235, 235, 235), (25, 25, 30))
"""Surgical blue, white, black."""
GLASSES = (20, 20, 20)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """A face in a picture."""

    pixels: Pixels
    landmarks: Points
    width_px: float
    """Of the face's box."""


Random = np.random.Generator
Spoilt = dict[str, dict[str, Tensor | None]]
"""By fault and picture."""
Spoil = Callable[[View, Random], View]


def _far(width_px: int) -> Spoil:
    """The face `width_px` wide. LFW's are about 95."""

    def spoil(view: View, _: Random) -> View:
        small = degrade.shrink(view.pixels, min(1.0, width_px / view.width_px))
        ratio = np.array(small.shape[1::-1]) / view.pixels.shape[1::-1]
        landmarks = (view.landmarks * ratio).astype(np.float32)
        return View(pixels=small, landmarks=landmarks, width_px=view.width_px * float(ratio[0]))

    return spoil


def _noise(view: View, random: Random) -> View:
    """25 grey levels: a small sensor at its highest gain."""
    return replace(view, pixels=degrade.add_noise(view.pixels, 25, random))


def _dark(view: View, random: Random) -> View:
    """A seventh of the light, and a sensor noise of 4 grey levels."""
    return replace(view, pixels=degrade.add_noise(degrade.expose(view.pixels, 0.15), 4, random))


def _mask(view: View, random: Random) -> View:
    colour = MASKS[int(random.integers(len(MASKS)))]
    return replace(view, pixels=degrade.wear_mask(view.pixels, view.landmarks, colour))


def _eye_band(view: View, _: Random) -> View:
    return replace(view, pixels=degrade.bar_eyes(view.pixels, view.landmarks, GLASSES))


def _motion(view: View, random: Random) -> View:
    """An eighth of the face's width, in any direction."""
    length_px = max(1, round(view.width_px / 8))
    return replace(view, pixels=degrade.smear(view.pixels, length_px, random.uniform(0, np.pi)))


def _jpeg(view: View, _: Random) -> View:
    return replace(view, pixels=degrade.compress(view.pixels, 8))


def _jitter(view: View, random: Random) -> View:
    """4 % of the face's width on each coordinate, 5 % in distance: our detector errs by 3.6 % on pose-dev, frontal."""
    return replace(view, landmarks=degrade.loosen(view.landmarks, 0.04 * view.width_px, random))


FAULTS: dict[str, Spoil] = {
    "24px": _far(24),
    "16px": _far(16),
    "12px": _far(12),
    "noise": _noise,
    "dark": _dark,
    "mask": _mask,
    "eye_band": _eye_band,
    "motion": _motion,
    "jpeg_8": _jpeg,
    "jitter": _jitter,
}
UNSEEN = ("jitter",)
"""Faults that are not in the picture, and mean nothing once its landmarks are found again."""


def spoilt_views(view: View, name: str) -> Iterator[tuple[str, View]]:
    """Every fault by name with what it makes of the picture `name`; the same each time."""
    for fault, spoil in FAULTS.items():
        yield fault, spoil(view, np.random.default_rng(crc32(f"{fault} {name}".encode())))


def robust(bench: Bench) -> Report:
    """TAR at FAR 1 % for each fault, and the mean of all."""
    archive = Archive(bench.data / "lfw-dev.tar")
    rows = bench.sample(archive.rows("pairs.csv"))
    firsts = sorted({row["file_a"] for row in rows})
    clean = bench.vectors(archive, [f"images/{name}" for name in firsts], "LFW-dev, first pictures")
    references = {name: stored(clean[f"images/{name}"]) for name in firsts}
    placed: Spoilt = {fault: {} for fault in ("clean", *FAULTS)}
    found: Spoilt = {fault: {} for fault in FAULTS if fault not in UNSEEN}
    for name in progress(sorted({row["file_b"] for row in rows}), "LFW-dev, second pictures, spoilt"):
        _spoil_all(bench, archive, name, placed, found)
    tar = {fault: lfw_pairs(rows, references, vectors) for fault, vectors in placed.items()}
    seen = {fault: lfw_pairs(rows, references, vectors) for fault, vectors in found.items()}
    figures: dict[str, Value] = {"tar_clean": _tar([tar.pop("clean")])}
    figures |= _figures("tar", tar) | _figures("end_to_end", seen)
    for fault, vectors in found.items():
        figures[f"no_face_{fault}"] = metrics.wilson(sum(v is None for v in vectors.values()), len(vectors))
    return Report(figures=figures, plots={"tar": _plot(figures)})


def _plot(figures: Mapping[str, Value]) -> Plot:
    kinds = {"by the clean picture's landmarks": "tar", "face found again": "end_to_end"}
    groups = {
        fault.replace("_", " "): {
            kind: figure for kind, key in kinds.items() if isinstance(figure := figures.get(f"{key}_{fault}"), Figure)
        }
        for fault in ("clean", "mean", *FAULTS)
    }
    says = "What each fault leaves of the true accept rate."
    return Plot(says=says, draw=partial(plots.dots, groups, "TAR at FAR 1 %, LFW-dev, in %"))


def _spoil_all(bench: Bench, archive: Archive, name: str, placed: Spoilt, found: Spoilt) -> None:
    """Adds the vectors of one picture under every fault, by its clean landmarks and by those found again."""
    face = bench.face(archive, f"images/{name}")
    if face is None:
        for vectors in (*placed.values(), *found.values()):
            vectors[name] = None
        return
    models, pixels = bench.loaded.models, archive.picture(f"images/{name}")
    view = View(pixels=pixels, landmarks=face.landmarks, width_px=face.box.w)
    placed["clean"][name] = stored(bench.vector(archive, f"images/{name}"))
    for fault, bad in spoilt_views(view, name):
        placed[fault][name] = stored(vector_at(bad.pixels, bad.landmarks, models))
        if fault in found:
            again = central_face(bad.pixels, models)
            found[fault][name] = None if again is None else stored(vector_at(bad.pixels, again.landmarks, models))


def _figures(kind: str, pairs: dict[str, Pairs]) -> dict[str, Value]:
    return {f"{kind}_mean": _tar(list(pairs.values())), **{f"{kind}_{fault}": _tar([p]) for fault, p in pairs.items()}}


def _tar(sets: Sequence[Pairs]) -> Figure:
    """TAR at FAR 1 %, each set at a threshold of its own, mean over the sets; interval by person, n in mated pairs."""

    def mean(weights: Floats) -> float:
        return float(np.mean([metrics.tar_at_fmr(pairs, RATE, weights) for pairs in sets]))

    low, high = metrics.by_person(sets[0], mean)
    value = mean(np.ones(len(sets[0].scores)))
    return Figure(value=value, low=low, high=high, n=sum(int(pairs.same.sum()) for pairs in sets))
