"""Heads that turn: what the filter refuses of a clip, and what of the rest is missed.

Enrolled are the three frames of the first third of a track that score best; the others come after. Each rule is held
against the threshold that `tools.evaluate.filtering` would set for it on LFW-dev's pictures as they are: the one at
which so many of the comparisons of two people match. Frames follow one another and people are few: Wilson's interval,
as if the frames were independent, is too narrow.
"""

from __future__ import annotations

import cv2
import numpy as np

from edgeface import detect, track
from edgeface.frame import Instant
from edgeface.pipeline import Models
from edgeface.quality import Quality
from tools import metrics
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, Report, Value, person_of, progress, template
from tools.evaluate.filtering import RATES, Vectors, look
from tools.metrics import Floats

FRAME_NS = 80_000_000
"""12.5 frames a second, as the clips say."""
LEAST = 12
"""Frames of a track that is measured."""
BEST = 3
"""Shots that are enrolled."""
Sightings = list[tuple[Quality, Vectors]]


def turning(bench: Bench) -> Report:
    """FNMR of single frames and of the best shots that come after, by rule; what is refused."""
    archive = Archive(bench.data / "clips-cc-by.tar")
    models = bench.loaded.models
    clips = [name for name in archive.names() if name.endswith(".gif")]
    followed = [one for name in progress(clips, "clips") for one in tracks(archive.read(name), models)]
    strangers = _strangers(bench)
    return Report(figures=judge(followed, {text: metrics.threshold_at_fmr(strangers, r) for text, r in RATES.items()}))


def judge(followed: list[Sightings], thresholds: dict[str, float]) -> dict[str, Value]:
    """Figures of tracks that are long enough."""
    frames = [(one, float(vector @ _reference(seen))) for seen in followed for one, vector in seen[len(seen) // 3 :]]
    best = [float(_mean(_best(seen[len(seen) // 3 :])) @ _reference(seen)) for seen in followed]
    good = np.array([one.accepted for one, _ in frames])
    alike = np.array([score for _, score in frames])
    figures: dict[str, Value] = {
        "tracks": float(len(followed)),
        "refused": metrics.wilson(int((~good).sum()), len(good)),
        "lowest_frame": float(alike.min()),
        "lowest_accepted_frame": float(alike[good].min()),
        "lowest_best_shots": float(min(best)),
    }
    for text, threshold in thresholds.items():
        for name, scores in {"none": alike, "gate": alike[good], "best_shots": np.array(best)}.items():
            figures[f"fnmr_{name}_{text}"] = metrics.wilson(int((scores < threshold).sum()), len(scores))
    return figures


def _best(seen: Sightings) -> Sightings:
    return sorted(seen, key=lambda one: -one[0].score)[:BEST]


def _reference(seen: Sightings) -> Vectors:
    return _mean(_best(seen[: len(seen) // 3]))


def _mean(seen: Sightings) -> Vectors:
    total = np.sum([vector for _, vector in seen], axis=0)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def _strangers(bench: Bench) -> Floats:
    """Scores of all pictures of LFW-dev's pairs with those of other people."""
    archive = Archive(bench.data / "lfw-dev.tar")
    names = sorted({row[side] for row in bench.sample(archive.rows("pairs.csv")) for side in ("file_a", "file_b")})
    found = bench.vectors(archive, [f"images/{name}" for name in names], "LFW-dev, strangers")
    known = {name: template(one) for name in names if (one := found[f"images/{name}"]) is not None}
    owners, vectors = np.array([person_of(name) for name in known]), np.stack(list(known.values()))
    return np.asarray((vectors @ vectors.T)[np.triu(owners[:, None] != owners[None, :])], np.float64)


def tracks(gif: bytes, models: Models) -> list[Sightings]:
    """Everybody in a clip, each as the frames that show the face; nobody seen for less than a second."""
    _, film = cv2.imdecodeanimation(np.frombuffer(gif, np.uint8))
    followed: tuple[track.Track, ...] = ()
    seen: dict[int, Sightings] = {}
    for index, bgr in enumerate(film.frames):
        pixels = np.ascontiguousarray(bgr[..., 2::-1])
        now = Instant(monotonic_ns=FRAME_NS * index, wall_ns=0, wall_trusted=False)
        found = detect.detect(pixels, models.detector, detect.Options())
        followed, _ = track.follow(followed, found, now, track.Options(), 1 + max(seen, default=0))
        for one in followed:
            if one.seen_at == now:
                seen.setdefault(one.number, []).append(look(pixels, one.detection, models))
    return [sightings for sightings in seen.values() if len(sightings) >= LEAST]
