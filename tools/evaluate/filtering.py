"""What the quality filter saves: false rejections with and without it, at equal false accepts.

Frames: each second picture of LFW-dev's mated pairs is shot several times by `tools.camera` (every fault of
`tools.degrade`, alone or together) and its face found again; the first picture is the enrolled one. Every rule sets its
own threshold, from the strangers' comparisons that it lets through, so that the false match rate is the same.

Visits: the shots of one picture are what a reader saw of one visitor. A visit is rejected if the rule leaves no frame
or the score of what it leaves is below the threshold at which the same share of strangers' visits match.

Clips are in `tools.evaluate.turning`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import numpy.typing as npt

from edgeface import align, embed, pipeline, quality
from edgeface.detect import Detection
from edgeface.frame import Pixels
from edgeface.pipeline import Models, turned, unified_score
from edgeface.quality import Quality
from tools import edc, metrics
from tools.camera import Shot, shoot
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, Report, Value, central_face, person_of, progress, template, under_two_names
from tools.evaluate.budget import race, ratio, spread
from tools.metrics import Figure, Flags, Floats

SHOTS = 6
"""Frames of a visit."""
RATES = {"1e-3": 1e-3, "1e-4": 1e-4}
"""False match rates of the two working points."""
STEPS = (0.1, 0.3, 0.5)
"""Parts of the frames that the score alone refuses, beside the part that the thresholds refuse."""
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frames:
    """Every frame with a face."""

    vectors: Vectors
    """Directions of length 1, (n, dimensions)."""
    accepted: Flags
    scores: Floats
    """0..100."""
    visits: npt.NDArray[np.str_]
    """Picture that each was shot from."""
    refusals: tuple[str, ...]
    """Of each frame the worst refusal, or nothing."""


def filtering(bench: Bench) -> Report:
    """FNMR by rule and working point, what the rule saves, what it refuses; frames, visits and clips."""
    archive = Archive(bench.data / "lfw-dev.tar")
    rows = bench.sample(row for row in archive.rows("pairs.csv") if row["same"] == "1")
    models = bench.loaded.models
    enrolled: dict[str, Vectors] = {}
    for name in progress(sorted({row["file_a"] for row in rows}), "LFW-dev, enrolled"):
        if (vector := bench.vector(archive, f"images/{name}")) is not None:
            enrolled[name] = template(vector)
    looks: list[tuple[str, Quality, Vectors]] = []
    lost = 0
    names = sorted({row["file_b"] for row in rows})
    for name in progress(names, "LFW-dev, frames"):
        seen = _frames(archive.picture(f"images/{name}"), name, models)
        lost += SHOTS - len(seen)
        looks += [(name, *one) for one in seen]
    frames = _gather(looks)
    figures: dict[str, Value] = {
        "frames": float(len(frames.visits)),
        "no_face": metrics.wilson(lost, SHOTS * len(names)),
        **_refused(frames),
        **judge(rows, enrolled, frames),
    }
    remarks = under_two_names({*enrolled, *names})
    return Report(figures=figures | _cost(bench, archive, names), remarks=remarks)


def _cost(bench: Bench, archive: Archive, names: Sequence[str]) -> dict[str, Value]:
    """Time of the gate, its model included, in times of an embedding, both on the same faces in one race."""
    models = bench.loaded.models
    faces = [(archive.picture(f"images/{name}"), bench.face(archive, f"images/{name}")) for name in spread(names)]
    known = [(pixels, face, turned(pixels, face, models)) for pixels, face in faces if face is not None]

    def chip(number: int) -> Pixels:
        return align.chip(known[number][0], known[number][1].landmarks, models.embedder.spec)

    chips = [chip(number) for number in range(len(known))]

    def gate(number: int) -> Quality:
        pixels, face, angles = known[number]
        score = unified_score(pixels, face, chips[number], models)
        return quality.assess(pixels, face, angles, quality.Options(), score)

    times = race({"gate": gate, "embed": lambda n: embed.embed(chips[n], models.embedder)}, range(len(known)), "time")
    milliseconds = [1000 * one for one in times["gate"]]
    return {
        "gate_in_embeddings": ratio(times["gate"], times["embed"]),
        "gate_ms_here": metrics.bootstrap_mean(milliseconds),
    }


def _frames(pixels: Pixels, name: str, models: Models) -> list[tuple[Quality, Vectors]]:
    """What is seen of one visitor; frames without a face left out."""
    face = central_face(pixels, models)
    if face is None:
        return []
    clean = Shot(pixels=pixels, landmarks=face.landmarks, width_px=face.box.w)
    found = []
    for number in range(SHOTS):
        shot = shoot(clean, np.random.default_rng(crc32(f"{number} {name}".encode())))
        if (again := central_face(shot.pixels, models)) is not None:
            found.append(look(shot.pixels, again, models))
    return found


def look(pixels: Pixels, face: Detection, models: Models) -> tuple[Quality, Vectors]:
    view = pipeline.examine(pixels, face, models, pipeline.Options())
    return view.quality, template(embed.embed(view.chip, models.embedder).vector)


def _gather(looks: Sequence[tuple[str, Quality, Vectors]]) -> Frames:
    return Frames(
        vectors=np.stack([vector for _, _, vector in looks]),
        accepted=np.array([usable.accepted for _, usable, _ in looks]),
        scores=np.array([usable.score for _, usable, _ in looks]),
        visits=np.array([name for name, _, _ in looks]),
        refusals=tuple(usable.refusals[0].refusal.value if usable.refusals else "" for _, usable, _ in looks),
    )


def rules(frames: Frames) -> dict[str, Flags]:
    """Which frames are kept: by the gate as it is; by the score alone, at the gate's share and at a few others."""
    shares = {"gate_s_share": float((~frames.accepted).mean()), **{f"{100 * part:.0f}": part for part in STEPS}}
    by_score = {f"score_{name}": frames.scores >= np.quantile(frames.scores, part) for name, part in shares.items()}
    return {"gate": frames.accepted, **by_score}


def _refused(frames: Frames) -> dict[str, Value]:
    people = [(person_of(name), person_of(name)) for name in frames.visits]
    figures: dict[str, Value] = {"refused_gate": metrics.rate_by_person(~frames.accepted, people)}
    for refusal in sorted({one for one in frames.refusals if one}):
        hit = np.array([one == refusal for one in frames.refusals])
        figures[f"refused_{refusal}"] = metrics.rate_by_person(hit, people)
    return figures


def judge(rows: Sequence[Mapping[str, str]], enrolled: Mapping[str, Vectors], frames: Frames) -> dict[str, Value]:
    """Frames and visits by every rule at every rate."""
    figures: dict[str, Value] = {}
    everything = np.ones(len(frames.visits), bool)
    single, visits = _comparisons(rows, enrolled, frames), _visits(rows, enrolled, frames, everything)
    for text, rate in RATES.items():
        for unit, plain in {"frame": single, "visit": visits}.items():
            missed = plain.mates < metrics.threshold_at_fmr(plain.strangers, rate)
            figures[f"fnmr_{unit}_none_{text}"] = _rate(missed, plain.people)
            before = edc.Trials(missed=missed, people=plain.people, qualities={})
            for name, kept in rules(frames).items():
                if unit == "frame":
                    after, stays = single.only(kept), kept[single.probes]
                    missed = single.mates < metrics.threshold_at_fmr(after.strangers, rate)
                else:
                    after, stays = _visits(rows, enrolled, frames, kept), np.ones(len(plain.mates), bool)
                    missed = after.mates < metrics.threshold_at_fmr(after.strangers, rate)
                people = tuple(one for one, stay in zip(plain.people, stays, strict=True) if stay)
                figures[f"fnmr_{unit}_{name}_{text}"] = _rate(missed[stays], people)
                figures[f"saved_{unit}_{name}_{text}"] = edc.fall(before, stays, missed)
    return figures


def _rate(missed: Flags, people: Sequence[str]) -> Figure:
    return metrics.rate_by_person(missed, [(one, one) for one in people])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparisons:
    """Enrolled pictures with frames or visits."""

    scores: Floats
    """(enrolled, probes)."""
    apart: Flags
    """Which are of two people, (enrolled, probes)."""
    rows: npt.NDArray[np.intp]
    """Enrolled picture of each mated comparison."""
    probes: npt.NDArray[np.intp]
    """Its frame or visit."""
    people: tuple[str, ...]
    """Whose it is."""

    @property
    def mates(self) -> Floats:
        return np.asarray(self.scores[self.rows, self.probes])

    @property
    def strangers(self) -> Floats:
        return np.asarray(self.scores[self.apart])

    def only(self, kept: Flags) -> Comparisons:
        """The strangers of some probes alone; the mated comparisons as they were."""
        return replace(self, apart=self.apart & kept[None, :])


def _comparisons(rows: Sequence[Mapping[str, str]], enrolled: Mapping[str, Vectors], frames: Frames) -> Comparisons:
    scores = np.stack(list(enrolled.values())) @ frames.vectors.T
    return _sorted_out(rows, list(enrolled), scores, frames.visits)


def _visits(
    rows: Sequence[Mapping[str, str]], enrolled: Mapping[str, Vectors], frames: Frames, kept: Flags
) -> Comparisons:
    """The score-weighted mean over the kept frames of every visit, as the reader's evidence weighs them."""
    names, places = np.unique(frames.visits, return_inverse=True)
    weights = np.zeros((len(names), len(kept)), np.float32)
    weights[places, np.arange(len(kept))] = np.maximum(frames.scores, 1.0) * kept
    total = weights.sum(axis=1)
    scores = np.stack(list(enrolled.values())) @ frames.vectors.T @ (weights / np.maximum(total, 1e-9)[:, None]).T
    scores[:, total == 0] = -1.0  # nothing left: nobody is let in
    return _sorted_out(rows, list(enrolled), scores, names)


def _sorted_out(
    rows: Sequence[Mapping[str, str]], references: Sequence[str], scores: Vectors, probes: npt.NDArray[np.str_]
) -> Comparisons:
    owners, visitors = (np.array([person_of(name) for name in side]) for side in (references, probes))
    place = {name: index for index, name in enumerate(references)}
    pairs = [(place[row["file_a"]], row["file_b"]) for row in rows if row["file_a"] in place]
    mated = [(first, probe) for first, name in pairs for probe in np.flatnonzero(probes == name)]
    first, second = np.array(mated, np.intp).T
    return Comparisons(
        scores=scores.astype(np.float64),
        apart=owners[:, None] != visitors[None, :],
        rows=first,
        probes=second,
        people=tuple(owners[first].tolist()),
    )
