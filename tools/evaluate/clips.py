"""Real clips of heads that turn: who keeps his number to the end, as filmed, at a slower camera, and after a gap.

The clips show one person, one, and two side by side who keep their sides: so the truth is known without labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from edgeface import detect, embed, match
from edgeface.detect import Detection
from edgeface.frame import Instant, Pixels
from edgeface.match import Gallery
from edgeface.pipeline import Models, Options, Scene, Sighting, examine
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, Value
from tools.trackers import Gather

FRAME_S = 0.08
"""12.5 frames a second, as the clips say."""
GAP_S = 1.0
ENDS = 3
"""Frames at the beginning and at the end, within which everybody is found."""
WAYS = ("as_filmed", "every_third_frame", "after_a_gap")
Seen = tuple[Pixels, tuple[Detection, ...]]


def clips(bench: Bench, gather: Gather, gallery: Gallery) -> dict[str, Value]:
    """Visitors of all clips, and how many have one number at the beginning and the end, by the way they are shown."""
    archive = Archive(bench.data / "clips-cc-by.tar")
    names = [name for name in archive.names() if name.endswith(".gif")]
    films = [list(film_of(archive.read(name), bench.loaded.models)) for name in names]
    visitors = sum(max(len(faces) for _, faces in film) for film in films)
    figures: dict[str, Value] = {"clips_visitors": float(visitors)}
    for way in WAYS:
        kept = sum(_kept(_shown(film, way), gather, gallery, bench.loaded.models) for film in films)
        figures[f"clips_same_number_{way}"] = float(kept)
    return figures


def film_of(gif: bytes, models: Models) -> Iterator[Seen]:
    """Frames of a clip, RGB, with the faces that our detector finds, faint ones too."""
    _, film = cv2.imdecodeanimation(np.frombuffer(gif, np.uint8))
    for bgr in film.frames:
        pixels = np.ascontiguousarray(bgr[..., 2::-1])
        faces = detect.detect(pixels, models.detector, detect.Options(), with_faint=True)
        yield pixels, faces


def _shown(film: list[Seen], way: str) -> Iterator[tuple[float, Seen]]:
    """Frames with their times in seconds."""
    step = 3 if way == "every_third_frame" else 1
    for number in range(0, len(film), step):
        late = GAP_S if way == "after_a_gap" and number >= len(film) // 2 else 0.0
        yield FRAME_S * number + late, film[number]


def _kept(frames: Iterator[tuple[float, Seen]], gather: Gather, gallery: Gallery, models: Models) -> int:
    """How many numbers are told both in the first frames and in the last ones."""
    scene, options = Scene(), Options()
    told: list[set[int]] = []
    for seconds, (pixels, faces) in frames:
        now = Instant(monotonic_ns=10**9 + round(seconds * 1e9), wall_ns=0, wall_trusted=True)

        def look(sighting: Sighting, pixels: Pixels = pixels) -> Sighting:
            view = examine(pixels, sighting.detection, models, options)
            if not view.quality.accepted:
                return replace(sighting, view=view)
            probe = embed.embed(view.chip, models.embedder)
            return replace(sighting, view=view, match=match.match(probe, gallery))

        scene, sightings = gather(scene, faces, now, look, options)
        scene = replace(scene, ended=(), beliefs={n: b for n, b in scene.beliefs.items() if n not in scene.ended})
        told.append({one.track for one in sightings})
    return len(set.union(*told[:ENDS]) & set.union(*told[-ENDS:]))
