"""Are the faces of a street found, and nothing else? Average precision on street pictures, ours beside YuNet's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np

from edgeface import detect
from edgeface.detect import Detection
from tools.datasets import Archive
from tools.evaluate import plots
from tools.evaluate.acquire import Bench, Plot, Report, Value, progress
from tools.metrics import Figure, Flags, Floats
from tools.peers.detectors import WORKING_SIDE_PX, YUNET_ANY_SIZE_FILE, YUNET_FILES, Find, Yunet, YunetOnnx

Scored = tuple[list[tuple[float, bool]], int]
"""Of one picture: (score, hit) of each detection that counts, and how many labelled faces are large enough to count."""
SIDES_PX = (160, 320, 640)
LARGE_PX = 24
"""Least side of a face that counts."""
LOWEST_SCORE = 0.02
"""Low enough for the whole of the curve."""
OURS = "edgeface"


def finders(bench: Bench, side_px: int) -> tuple[dict[str, Find], tuple[str, ...]]:
    """Detectors at one working size with every detection they are asked for, ours first; why others are left out."""
    options = detect.Options(min_score=LOWEST_SCORE, max_side_px=side_px)
    detector = bench.loaded.models.detector
    found: dict[str, Find] = {OURS: lambda pixels: detect.detect(pixels, detector, options)}
    if bench.peers is None:
        return found, ()
    remarks = []
    makers: dict[str, tuple[str, Callable[..., Find]]] = {
        "yunet-opencv": (YUNET_FILES.get(side_px, YUNET_FILES[WORKING_SIDE_PX]), Yunet),
        "yunet-onnxruntime": (YUNET_ANY_SIZE_FILE, YunetOnnx),
    }
    for peer, (file, make) in makers.items():
        path = bench.peers / file
        if path.is_file():
            found[peer] = make(path, 1, side_px=side_px, min_score=LOWEST_SCORE)
        else:
            remarks.append(f"{peer} left out: {path.parent.name} has no {path.name}")
    return found, tuple(remarks)


def boxes_dev(bench: Bench) -> Report:
    """Average precision at overlap 0.5 for faces of 24 px and more; smaller ones count neither way."""
    archive = Archive(bench.data / "boxes-dev.tar")
    truth = labelled(archive)
    files = bench.sample(sorted(name for name in truth if held_out(name)))
    figures: dict[str, dict[str, Value]] = {OURS: {"pictures": float(len(files))}}
    ahead: dict[str, dict[str, Figure]] = {}
    curves: dict[str, tuple[Floats, Floats]] = {}
    remarks: tuple[str, ...] = ()
    for side_px in SIDES_PX:
        makers, remarks = finders(bench, side_px)
        scored: dict[str, list[Scored]] = {maker: [] for maker in makers}
        for name in progress(files, f"boxes-dev at {side_px} px"):
            pixels = archive.picture(f"images/{name}")
            for maker, find in makers.items():
                scored[maker].append(score_boxes(find(pixels), np.stack(truth[name])))
        key = f"ap50_faces_{LARGE_PX}px_at_{side_px}"
        for maker, pictures in scored.items():
            figures.setdefault(maker, {})[key] = precision(pictures)
            curves[f"{maker}, {side_px} px"] = _curve(pictures)
            if maker != OURS:
                ahead.setdefault(maker, {})[key] = precision_ahead(scored[OURS], pictures)
    says = "Precision over recall on street pictures, faces of 24 px and more, by the working size."
    return Report(
        figures=figures.pop(OURS),
        peers=figures,
        ahead=ahead,
        plots={"precision-recall": Plot(says=says, draw=partial(plots.precision_recall, curves))},
        remarks=remarks,
    )


def labelled(archive: Archive) -> Mapping[str, list[np.ndarray]]:
    """Labelled boxes (x, y, w, h) by file."""
    truth: dict[str, list[np.ndarray]] = {}
    for row in archive.rows("boxes.csv"):
        x1, y1, x2, y2 = (float(row[key]) for key in ("x1", "y1", "x2", "y2"))
        truth.setdefault(row["file"], []).append(np.array([x1, y1, x2 - x1, y2 - y1], np.float32))
    return truth


def held_out(name: str) -> bool:
    """Pictures with an odd number were trained on (see tools/samples/scenes.py)."""
    return int("".join(filter(str.isdigit, name))) % 2 == 0


def score_boxes(faces: Iterable[Detection], truth: np.ndarray) -> Scored:
    """Detections of one picture, strongest first, against its labelled boxes (n, 4): each box is found once."""
    large = truth[:, 2:].min(axis=1) >= LARGE_PX
    taken: set[int] = set()
    scored = []
    for face in faces:
        shared = detect.overlap(as_boxes([face])[0], truth)
        shared[list(taken)] = 0
        best = int(np.argmax(shared))
        if shared[best] >= 0.5:
            taken.add(best)
            if large[best]:
                scored.append((face.score, True))
        elif min(face.box.w, face.box.h) >= LARGE_PX:
            scored.append((face.score, False))
    return scored, int(large.sum())


def as_boxes(faces: Iterable[Detection]) -> np.ndarray:
    """Boxes of detections: float32 (n, 4), x, y, w, h."""
    return np.array([[f.box.x, f.box.y, f.box.w, f.box.h] for f in faces], np.float32).reshape(-1, 4)


def precision(pictures: Sequence[Scored]) -> Figure:
    """Average precision over pictures, n the faces that count; its interval by drawing pictures with replacement."""
    return _over_pictures(len(pictures), sum(large for _, large in pictures), lambda rows: _measured(pictures, rows))


def precision_ahead(ours: Sequence[Scored], theirs: Sequence[Scored]) -> Figure:
    """Average precision of one detector minus another's, on the same pictures drawn with replacement."""
    return _over_pictures(
        len(ours), sum(large for _, large in ours), lambda rows: _measured(ours, rows) - _measured(theirs, rows)
    )


def _over_pictures(count: int, faces: int, statistic: Callable[[Sequence[int]], float], *, rounds: int = 500) -> Figure:
    random = np.random.default_rng(0)
    draws = [statistic(random.integers(0, count, count).tolist()) for _ in range(rounds)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Figure(value=statistic(range(count)), low=float(low), high=float(high), n=faces)


def _measured(pictures: Sequence[Scored], rows: Sequence[int]) -> float:
    return average_precision(*_gathered([pictures[row] for row in rows]))


def _curve(pictures: Sequence[Scored]) -> tuple[Floats, Floats]:
    return precision_recall(*_gathered(pictures))


def _gathered(pictures: Sequence[Scored]) -> tuple[Floats, Flags, int]:
    """Scores, hits and the number of wanted faces of all pictures together."""
    pairs = [pair for found, _ in pictures for pair in found]
    scores = np.array([score for score, _ in pairs], np.float64)
    return scores, np.array([hit for _, hit in pairs], bool), sum(large for _, large in pictures)


def precision_recall(scores: Floats, hits: Flags, wanted: int) -> tuple[Floats, Floats]:
    """Recall and precision as the threshold falls past each detection; `wanted` faces exist. Precision is its envelope:
    the best that is had at this recall or a higher one."""
    hit = hits[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hit) / (np.arange(len(hit)) + 1)
    return np.cumsum(hit) / max(1, wanted), np.maximum.accumulate(precision[::-1])[::-1]


def average_precision(scores: Floats, hits: Flags, wanted: int) -> float:
    """Area under precision over recall, all points, of detections with their hits; `wanted` faces exist."""
    recall, precision = precision_recall(scores, hits, wanted)
    return float((precision * np.diff(recall, prepend=0)).sum()) if wanted else 0.0
