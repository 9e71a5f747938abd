"""Are turned heads found, where are their eyes, and which way do they look? Head pose pictures (AFLW2000-3D)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from edgeface import detect, pose
from edgeface.detect import Detection
from edgeface.frame import Pixels
from edgeface.pose import Pose
from tools import metrics
from tools.datasets import Archive
from tools.evaluate import plots
from tools.evaluate.acquire import Bench, Plot, Report, Value, progress
from tools.evaluate.boxes import LOWEST_SCORE, OURS, as_boxes, finders
from tools.metrics import Figure
from tools.peers.heads import FSANET_FILES, Fsanet

Guess = Callable[[Pixels, Detection], Pose]
Errors = npt.NDArray[np.float64]
"""shape (faces, 3): absolute errors of yaw, pitch, roll, degrees."""

LANDMARKS = ("eye_l", "eye_r", "nose", "mouth_l", "mouth_r")
ANGLES = ("yaw_deg", "pitch_deg", "roll_deg")
LARGEST_DEG = 99
"""Faces beyond are left out of the pose errors, as is usual on this set."""
YAW_BANDS = ((0, 30), (30, 60), (60, 99))
YAW_STEPS = ((0, 15), (15, 30), (30, 45), (45, 60), (60, 75), (75, 99))
"""Of the plots."""
WORKING_SIDE_PX = 320
FALSE_ALARMS = 0.1
"""Per picture: the working point of the recall figures."""
MATCH_OVERLAP = 0.35
"""Intersection over union that finds a face of pose-dev. Its boxes are drawn around 68 landmarks, forehead left out, so
that a detector's box overlaps them by about 0.6 even when it is right."""
FSANET = "fsa-net"
TEACHER = "fsa-net, upright and mirrored"
"""The same pair as our labels were made with it: the face turned upright, and its mirror image, averaged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """What is known of one picture."""

    name: str
    box: npt.NDArray[np.float32]
    """x, y, w, h."""
    landmarks: npt.NDArray[np.float64]
    """(5, 2), in the order of `edgeface.detect.Points`."""
    angles_deg: npt.NDArray[np.float64]
    """Yaw, pitch, roll."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finder:
    """What one detector made of all pictures."""

    hits: tuple[Detection | None, ...]
    """Its strongest detection at each labelled face."""
    threshold: float
    """Its score at the working point."""
    seen: npt.NDArray[np.bool_]
    """Which faces it finds there."""
    landmark_errors: npt.NDArray[np.float64]
    """By face, in parts of its size; NaN where it is not seen."""


def pose_dev(bench: Bench) -> Report:
    """Recall by yaw at one false alarm in ten pictures, landmark error, head pose error."""
    archive = Archive(bench.data / "pose-dev.tar")
    labels = [_labelled(row) for row in bench.sample(archive.rows("pose.csv"))]
    makers, remarks = finders(bench, WORKING_SIDE_PX)
    guesses, more = _guesses(bench)
    found: dict[str, list[tuple[Detection, ...]]] = {maker: [] for maker in makers}
    angles: dict[str, list[Pose | None]] = {source: [] for source in guesses}
    for label in progress(labels, "pose-dev"):
        pixels = archive.picture(label.name)
        for maker, find in makers.items():
            found[maker].append(find(pixels))
        hit = _best_hit(label.box, found[OURS][-1])
        for source, guess in guesses.items():
            angles[source].append(None if hit is None else guess(pixels, hit))
    results = {maker: _judge(faces, labels) for maker, faces in found.items()}
    report = _report(labels, results, angles, remarks + more)
    least = bench.loaded.models.detector.spec.thresholds["min_score"]
    return replace(report, figures={**report.figures, **_as_shipped(found[OURS], results[OURS].hits, labels, least)})


def _labelled(row: Mapping[str, str]) -> Labelled:
    return Labelled(
        name=f"images/{row['file']}",
        box=np.array([float(row[key]) for key in "xywh"], np.float32),
        landmarks=np.array([[float(row[f"{name}_x"]), float(row[f"{name}_y"])] for name in LANDMARKS]),
        angles_deg=np.array([float(row[angle]) for angle in ANGLES]),
    )


def _guesses(bench: Bench) -> tuple[dict[str, Guess], tuple[str, ...]]:
    """Every way to tell the pose of a face that our detector found, the reader's own first."""
    found: dict[str, Guess] = {}
    if (model := bench.loaded.models.pose) is not None:
        found["reader"] = lambda pixels, face: pose.measure(pixels, face, model)
        found["model"] = lambda pixels, face: pose.by_model(pixels, face, model)
    found["detector"] = lambda _, face: pose.estimate(face)
    found["landmarks"] = lambda _, face: pose.from_landmarks(face.landmarks)
    if bench.peers is None:
        return found, ()
    if lacking := [name for name in FSANET_FILES if not (bench.peers / name).is_file()]:
        return found, (f"FSA-Net left out: {bench.peers.name} has no {lacking[0]}",)
    pair = Fsanet(bench.peers, 1)
    found[FSANET] = lambda pixels, face: pair(pixels, face.box)
    found[TEACHER] = pair.teach
    return found, ()


def _best_hit(box: np.ndarray, faces: Sequence[Detection]) -> Detection | None:
    """The strongest detection that overlaps a labelled face."""
    shares = detect.overlap(box, as_boxes(faces))
    return next((face for face, shared in zip(faces, shares, strict=True) if shared >= MATCH_OVERLAP), None)


def _judge(found: Sequence[tuple[Detection, ...]], labels: Sequence[Labelled]) -> Finder:
    hits = tuple(_best_hit(label.box, faces) for label, faces in zip(labels, found, strict=True))
    threshold = threshold_at_false_alarms(found, hits, FALSE_ALARMS)
    seen = np.array([hit is not None and hit.score >= threshold for hit in hits])
    errors = [
        _landmark_error(label, hit) if good and hit is not None else np.nan
        for label, hit, good in zip(labels, hits, seen, strict=True)
    ]
    return Finder(hits=hits, threshold=threshold, seen=seen, landmark_errors=np.array(errors))


def threshold_at_false_alarms(
    found: Sequence[tuple[Detection, ...]], hits: Sequence[Detection | None], rate: float
) -> float:
    """Score above which all pictures together have at most `rate` false alarms a picture.

    A detection that overlaps the labelled face is no false alarm. Every other one counts, also the bystanders that the
    set does not label: the figure is a little pessimistic.
    """
    alarms = sorted(
        (face.score for faces, hit in zip(found, hits, strict=True) for face in faces if not _same_place(face, hit)),
        reverse=True,
    )
    allowed = int(rate * len(found))
    return float(np.nextafter(alarms[allowed], 1)) if len(alarms) > allowed else LOWEST_SCORE


def _same_place(face: Detection, hit: Detection | None) -> bool:
    return hit is not None and float(detect.overlap(as_boxes([hit])[0], as_boxes([face]))[0]) >= MATCH_OVERLAP


def _landmark_error(label: Labelled, hit: Detection) -> float:
    """Mean distance of the five landmarks, in parts of the labelled face's size (the root of its box's area)."""
    distances = np.linalg.norm(hit.landmarks - label.landmarks, axis=1)
    return float(distances.mean() / np.sqrt(float(label.box[2]) * float(label.box[3])))


def _report(
    labels: Sequence[Labelled],
    results: Mapping[str, Finder],
    angles: Mapping[str, Sequence[Pose | None]],
    remarks: tuple[str, ...],
) -> Report:
    yaw = np.array([abs(label.angles_deg[0]) for label in labels])
    bands = {f"{low}_{high}": (yaw >= low) & (yaw < high) for low, high in YAW_BANDS}
    figures: dict[str, Mapping[str, Value]] = {
        maker: _finder_figures(result, bands) for maker, result in results.items()
    }
    ahead = {maker: _finder_ahead(results[OURS], one, bands) for maker, one in results.items() if maker != OURS}
    usable = np.array([(np.abs(label.angles_deg) <= LARGEST_DEG).all() for label in labels])
    usable &= np.array([guess is not None for guess in next(iter(angles.values()))])
    errors = {source: _errors(labels, guesses, usable) for source, guesses in angles.items()}
    reader = next(iter(errors))
    figures[OURS] = {**figures[OURS], **_pose_figures(errors[reader], "")}
    for source in errors:
        if source in (FSANET, TEACHER):
            figures[source] = _pose_figures(errors[source], "")
            ahead[source] = _pose_figures(errors[reader] - errors[source], "")
        elif source != reader:
            figures[OURS] = {**figures[OURS], **_pose_figures(errors[source], f"_by_{source}")}
    return Report(
        figures=figures.pop(OURS),
        peers=figures,
        ahead=ahead,
        plots=_plots(yaw, results, errors, usable),
        remarks=(f"The pose without a name is the reader's own ({reader}).", *remarks),
    )


def _as_shipped(
    found: Sequence[tuple[Detection, ...]], hits: Sequence[Detection | None], labels: Sequence[Labelled], least: float
) -> dict[str, Value]:
    """Recall and false alarms of our detector at the reader's own threshold."""
    yaw = np.array([abs(label.angles_deg[0]) for label in labels])
    seen = np.array([hit is not None and hit.score >= least for hit in hits])
    alarms = sum(
        face.score >= least and not _same_place(face, hit)
        for faces, hit in zip(found, hits, strict=True)
        for face in faces
    )
    inside = {f"{low}_{high}": (yaw >= low) & (yaw < high) for low, high in YAW_BANDS}
    recall = {
        f"reader_finds_yaw_{band}": metrics.wilson(int(seen[i].sum()), int(i.sum())) for band, i in inside.items()
    }
    return {**recall, "reader_false_alarms_a_picture": alarms / len(labels)}


def _finder_figures(result: Finder, bands: Mapping[str, npt.NDArray[np.bool_]]) -> dict[str, Value]:
    figures: dict[str, Value] = {"min_score_at_0.1_false_alarms": result.threshold}
    for band, inside in bands.items():
        figures[f"recall_yaw_{band}"] = metrics.wilson(int(result.seen[inside].sum()), int(inside.sum()))
        if kept := _known(result.landmark_errors[inside]):
            figures[f"landmark_error_yaw_{band}"] = metrics.bootstrap_mean(kept)
    return figures


def _finder_ahead(ours: Finder, theirs: Finder, bands: Mapping[str, npt.NDArray[np.bool_]]) -> dict[str, Figure]:
    """Ours minus theirs: recall over all faces of a band, landmark error over those that both see."""
    figures = {}
    for band, inside in bands.items():
        gained = ours.seen[inside].astype(np.float64) - theirs.seen[inside]
        figures[f"recall_yaw_{band}"] = metrics.bootstrap_mean(gained.tolist())
        if kept := _known((ours.landmark_errors - theirs.landmark_errors)[inside]):
            figures[f"landmark_error_yaw_{band}"] = metrics.bootstrap_mean(kept)
    return figures


def _errors(labels: Sequence[Labelled], guesses: Sequence[Pose | None], usable: npt.NDArray[np.bool_]) -> Errors:
    kept = [(label, guess) for label, guess, use in zip(labels, guesses, usable, strict=True) if use and guess]
    return np.array(
        [
            [abs(getattr(guess, a) - true) for a, true in zip(ANGLES, label.angles_deg, strict=True)]
            for label, guess in kept
        ]
    )


def _pose_figures(errors: Errors, suffix: str) -> dict[str, Figure]:
    return {
        f"{angle}_error{suffix}": metrics.bootstrap_mean(errors[:, column].tolist())
        for column, angle in enumerate(ANGLES)
    }


def _plots(
    yaw: npt.NDArray[np.float64],
    results: Mapping[str, Finder],
    errors: Mapping[str, Errors],
    usable: npt.NDArray[np.bool_],
) -> dict[str, Plot]:
    centres = [(low + min(high, 90)) / 2 for low, high in YAW_STEPS]
    turned = {
        angle.removesuffix("_deg"): {
            source: [_mean(one[_step(yaw[usable], step), column]) for step in YAW_STEPS]
            for source, one in errors.items()
        }
        for column, angle in enumerate(ANGLES)
    }
    finding = {
        "faces found": {m: [_mean(one.seen[_step(yaw, s)]) for s in YAW_STEPS] for m, one in results.items()},
        "landmark error": {
            m: [_mean(_known(one.landmark_errors[_step(yaw, s)])) for s in YAW_STEPS] for m, one in results.items()
        },
    }
    return {
        "angles": Plot(
            says="Mean absolute error of each angle over how far the head is turned aside.",
            draw=partial(plots.by_yaw, centres, turned, "mean absolute error, degrees"),
        ),
        "finding": Plot(
            says="Share of faces found, and landmark error in parts of the face's size, over yaw.",
            draw=partial(plots.by_yaw, centres, finding, "share, or part of the face's size"),
        ),
    }


def _step(yaw: npt.NDArray[np.float64], step: tuple[int, int]) -> npt.NDArray[np.bool_]:
    return np.asarray((yaw >= step[0]) & (yaw < step[1]))


def _mean(values: Iterable[float]) -> Figure | None:
    kept = [float(value) for value in values]
    return metrics.bootstrap_mean(kept) if len(kept) > 1 else None


def _known(values: npt.NDArray[np.float64]) -> list[float]:
    return [float(value) for value in values[~np.isnan(values)]]
