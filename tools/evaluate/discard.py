"""Does a quality measure throw away the right pictures? Error versus discard on LFW's mated pairs, clean and spoilt.

The first picture of each pair is the enrolled one; the second is a probe, once as it is and once under each fault of
`tools.evaluate.robustness`, its face found again by our detector. A comparison is as good as the lesser of its two
pictures. The threshold is that at which 1 % (or 0.1 %) of all comparisons of two people match, nothing thrown away; it
stays where it is while the worst comparisons are thrown away (see `tools.edc`).

`unified` is the model's number, `score` what the gate makes of it and of the measures (`edgeface.quality.score`); what
the latter is ahead of the others stands in figures of its own, `score_minus_...`.

Two recognisers judge: ours and, where the peers are measured too, MobileFaceNet of foamliu. Beside the
measures stand `random`, which is what no skill is worth, and `oracle`, which knows the comparison's own score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt

from edgeface import align, embed, quality
from edgeface.detect import Detection, Points
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.model import Tensor
from edgeface.pipeline import turned
from edgeface.quality import Scorer
from edgeface.service.bootstrap import Loaded
from tools import edc, metrics, peers
from tools.datasets import Archive
from tools.evaluate import gate, plots
from tools.evaluate.acquire import (
    Bench,
    Plot,
    Report,
    Value,
    central_face,
    person_of,
    progress,
    template,
    under_two_names,
)
from tools.evaluate.robustness import FAULTS, UNSEEN, View, spoilt_views
from tools.metrics import Figure, Floats
from tools.peer_quality import LightQNet

RATES = {"1e-2": 1e-2, "1e-3": 1e-3}
"""False match rates of the two working points."""
SHARES = {"20": 0.2, "30": 0.3, "50": 0.5}
"""Largest discarded shares of the areas."""
REFUSED = 0.2
"""Share of the comparisons that is refused for the figures named `fall`."""
OURS, SCORE, PEER, DETECTOR, ORACLE = "unified", "score", "lightqnet", "detector", "oracle"
MEASURES = (OURS, SCORE, PEER, DETECTOR, "hand_made", "sharpness", "norm", "random")
BOUNDS = {"random": ":", ORACLE: "--"}
"""What no measure should be above, and what none can be below; how they are drawn."""
LABELS = {
    OURS: "edgeface, unified score",
    SCORE: "edgeface, the gate's score",
    PEER: "LightQNet dm100",
    DETECTOR: "detector's score",
    "hand_made": "hand-made measures",
    "sharpness": "sharpness",
    "norm": "length of the embedding",
    "random": "at random",
    ORACLE: "oracle: by the comparison's own score",
}
CLEAN = "clean"
GATE = "ours_fmr_1e-3"
"""Working point at which comparisons are counted by their score."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """One face as every recogniser and every measure sees it."""

    vectors: Mapping[str, Tensor]
    """By recogniser: a direction of length 1."""
    qualities: Mapping[str, float]
    """By measure: the higher, the better."""


Looks = Mapping[str, Look | None]
"""By picture or by fault; None where no face was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """What looks at a face."""

    loaded: Loaded
    scorer: Scorer
    peer_quality: Callable[[Pixels, Points], float] | None = None
    """None where the peers' weights are not at hand; the same for the next."""
    peer_vector: Callable[[Pixels, Points], Tensor] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """A mated comparison."""

    enrolled: Look
    probe: Look
    person: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strangers:
    """Comparisons of two people."""

    scores: Floats
    qualities: Floats
    """Ours, of the lesser picture."""


def discard(bench: Bench) -> Report:
    """Areas under the EDC by measure, recogniser and working point, and what ours is below the others."""
    archive = Archive(bench.data / "lfw-dev.tar")
    rows = bench.sample(row for row in archive.rows("pairs.csv") if row["same"] == "1")
    instruments, remarks = equip(bench)
    firsts, seconds = (sorted({row[side] for row in rows}) for side in ("file_a", "file_b"))
    enrolled = {
        name: look(archive.picture(f"images/{name}"), None, instruments)
        for name in progress(firsts, "LFW-dev, enrolled, quality")
    }
    probes = {
        name: spoilt(archive.picture(f"images/{name}"), name, instruments)
        for name in progress(seconds, "LFW-dev, spoilt probes, quality")
    }
    return replace(judge(rows, enrolled, probes), remarks=(*under_two_names({*firsts, *seconds}), *remarks))


def equip(bench: Bench) -> tuple[Instruments, tuple[str, ...]]:
    """The models in use and the peers that can run here; remarks on those that cannot. ModelError without ours."""
    loaded = bench.loaded
    if loaded.models.quality is None:
        raise ModelError("no quality model is in use: see `edgeface models list`")
    ours = Instruments(loaded=loaded, scorer=loaded.models.quality)
    if bench.peers is None:
        return ours, ()
    try:
        lightqnet, matcher = LightQNet(bench.peers), peers.build_embedder("foamliu", bench.peers, 1)
    except peers.PeerMissing as missing:
        return ours, (str(missing),)

    def vector(pixels: Pixels, landmarks: Points) -> Tensor:
        return matcher.embed(matcher.cut_ours(pixels, landmarks))

    return replace(ours, peer_quality=lightqnet, peer_vector=vector), ()


def spoilt(pixels: Pixels, name: str, instruments: Instruments) -> dict[str, Look | None]:
    """A probe by fault; None where the face is not found again."""
    models = instruments.loaded.models
    face = central_face(pixels, models)
    if face is None:
        return dict.fromkeys((CLEAN, *FAULTS))
    view = View(pixels=pixels, landmarks=face.landmarks, width_px=face.box.w)
    found = {CLEAN: look(pixels, face, instruments)}
    for fault, bad in spoilt_views(view, name):
        seen = replace(face, landmarks=bad.landmarks) if fault in UNSEEN else None
        found[fault] = look(bad.pixels, seen, instruments)
    return found


def look(pixels: Pixels, face: Detection | None, instruments: Instruments) -> Look | None:
    """`face`, or the central face if that is None, through every instrument; None if there is no face."""
    models = instruments.loaded.models
    face = central_face(pixels, models) if face is None else face
    if face is None:
        return None
    chip = align.chip(pixels, face.landmarks, models.embedder.spec)
    angles, options = turned(pixels, face, models), quality.Options()
    score = quality.unified(align.chip(pixels, face.landmarks, instruments.scorer.spec), instruments.scorer)
    usable, plain = (quality.assess(pixels, face, angles, options, one) for one in (score, None))
    vectors = {"ours": template(embed.embed(chip, models.embedder).vector)}
    qualities = {
        OURS: score,
        SCORE: usable.score,
        DETECTOR: face.score,
        "hand_made": plain.score,
        "sharpness": usable.sharpness,
        "norm": float(np.linalg.norm(models.embedder.infer(chip[None])[models.embedder.spec.output])),
        "random": float(np.random.default_rng(crc32(chip.tobytes())).random()),
    }
    if instruments.peer_quality is not None:
        qualities[PEER] = instruments.peer_quality(pixels, face.landmarks)
    if instruments.peer_vector is not None:
        vectors["peer"] = instruments.peer_vector(pixels, face.landmarks)
    return Look(vectors=vectors, qualities=qualities)


def judge(rows: Sequence[Mapping[str, str]], enrolled: Looks, probes: Mapping[str, Looks]) -> Report:
    """All recognisers at all working points."""
    trials = pair(rows, enrolled, probes)
    sought = [(person_of(name), one is None) for name, views in probes.items() for one in views.values()]
    figures: dict[str, Value] = {
        "comparisons": float(len(trials)),
        "no_face": metrics.rate_by_person(np.array([lost for _, lost in sought]), [(name, name) for name, _ in sought]),
    }
    rivals = [LABELS[name] for name in LABELS if name in trials[0].probe.qualities or name == ORACLE]
    others: dict[str, dict[str, Value]] = {name: {} for name in rivals if name != LABELS[OURS]}
    ahead: dict[str, dict[str, Figure]] = {name: {} for name in others}
    drawn: dict[str, edc.Trials] = {}
    for matcher in trials[0].probe.vectors:
        scores = np.array([float(one.enrolled.vectors[matcher] @ one.probe.vectors[matcher]) for one in trials])
        impostors = strangers(matcher, enrolled, probes)
        for text, rate in RATES.items():
            point = f"{matcher}_fmr_{text}"
            compared = compare(trials, scores, metrics.threshold_at_fmr(impostors.scores, rate))
            drawn.setdefault(matcher, compared)
            pairs = [(person, person) for person in compared.people]
            figures[f"fnmr_{point}"] = metrics.rate_by_person(compared.missed, pairs)
            figures[f"fall_{point}"] = fall(compared, scores, impostors, rate)
            if point == GATE:
                figures |= gate.missed_by_score(compared.qualities[OURS], compared.missed)
            areas = edc.areas(compared, tuple(SHARES.values()))
            for share, most in SHARES.items():
                name = f"area_{share}_{point}"
                figures[name] = areas.of(OURS, most)
                for other in compared.qualities.keys() - {OURS}:
                    others[LABELS[other]][name] = areas.of(other, most)
                    ahead[LABELS[other]][name] = areas.difference(OURS, other, most)
                for other in (OURS, PEER, DETECTOR):
                    if other in compared.qualities:
                        figures[f"score_minus_{other}_{name}"] = areas.difference(SCORE, other, most)
    figures |= gate.refused(
        (fault, one.qualities[OURS]) for views in probes.values() for fault, one in views.items() if one is not None
    )
    says = "What is left of the false non-matches (FMR 1 %) while the comparisons of least quality are thrown away."
    return Report(figures=figures, peers=others, ahead=ahead, plots={"edc": Plot(says=says, draw=partial(draw, drawn))})


def fall(compared: edc.Trials, scores: Floats, impostors: Strangers, rate: float) -> Figure:
    """What refusing the worst fifth by our score saves in false non-matches, at the same false match rate.

    Strangers of too little quality are refused too, and the threshold is set anew for those that are left.
    """
    qualities = compared.qualities[OURS]
    least = float(np.quantile(qualities, REFUSED))
    threshold = metrics.threshold_at_fmr(impostors.scores[impostors.qualities >= least], rate)
    return edc.fall(compared, qualities >= least, scores < threshold)


def pair(rows: Sequence[Mapping[str, str]], enrolled: Looks, probes: Mapping[str, Looks]) -> list[Trial]:
    """Every mated pair under every fault, but for faces that were not found."""
    trials = []
    for row in rows:
        first = enrolled[row["file_a"]]
        for second in probes[row["file_b"]].values():
            if first is not None and second is not None:
                trials.append(Trial(enrolled=first, probe=second, person=person_of(row["file_a"])))
    return trials


def strangers(matcher: str, enrolled: Looks, probes: Mapping[str, Looks]) -> Strangers:
    """Every enrolled picture with every probe of somebody else, spoilt or not."""
    first = [(person_of(name), one) for name, one in enrolled.items() if one is not None]
    second = [(person_of(name), one) for name, views in probes.items() for one in views.values() if one is not None]
    (owners, vectors, qualities), (others, probed, seen) = (_columns(side, matcher) for side in (first, second))
    apart = owners[:, None] != others[None, :]
    return Strangers(
        scores=np.asarray((vectors @ probed.T)[apart], np.float64),
        qualities=np.minimum(qualities[:, None], seen[None, :])[apart],
    )


def _columns(side: Sequence[tuple[str, Look]], matcher: str) -> tuple[npt.NDArray[np.str_], Tensor, Floats]:
    """Whose the pictures are, their vectors, and our score of them."""
    owners, looks = zip(*side, strict=True)
    vectors, qualities = [one.vectors[matcher] for one in looks], [one.qualities[OURS] for one in looks]
    return np.array(owners), np.stack(vectors), np.array(qualities)


def compare(trials: Sequence[Trial], scores: Floats, threshold: float) -> edc.Trials:
    """Which comparisons fail, and what each measure says of them."""
    qualities = {
        name: np.array([min(one.enrolled.qualities[name], one.probe.qualities[name]) for one in trials])
        for name in MEASURES
        if name in trials[0].probe.qualities
    }
    return edc.Trials(
        missed=scores < threshold,
        people=tuple(one.person for one in trials),
        qualities={**qualities, ORACLE: scores},
    )


def draw(compared: Mapping[str, edc.Trials], file: Path) -> None:
    """The characteristic of every measure, a panel a recogniser: FNMR over the share thrown away."""
    shares = np.arange(0, 0.5 + edc.STEP / 2, edc.STEP)
    titles = {"ours": "recogniser: edgeface", "peer": "recogniser: MobileFaceNet (foamliu)"}
    with plots.canvas(file, panels=len(compared), width=6 * len(compared), squeeze=False) as grid:
        for axes, (matcher, trials) in zip(grid[0], compared.items(), strict=True):
            orders = trials.orders()
            for name, colour in plots.colours([name for name in orders if name not in BOUNDS]).items():
                own = name in (OURS, SCORE)
                style = {"linewidth": 2.6 if own else 1.4, "zorder": 3 if own else 2}
                axes.plot(100 * shares, 100 * orders[name].curve(shares), color=colour, label=LABELS[name], **style)
            for name, dashes in BOUNDS.items():
                values = 100 * orders[name].curve(shares)
                axes.plot(100 * shares, values, color="black", linestyle=dashes, linewidth=1.2, label=LABELS[name])
            axes.set(title=titles[matcher], xlabel="comparisons thrown away, lowest quality first, %")
            axes.set(xlim=(0, 50), ylim=(0, None))
        grid[0][0].set_ylabel("FNMR of what is left, %")
        handles, labels = grid[0][0].get_legend_handles_labels()
        grid[0][0].figure.legend(handles, labels, loc="outside lower center", ncols=2 * len(compared))
