"""Whole visits: how often the right one waits in vain and the wrong one gets in, by the reader's rule and by others.

One run, one set of embeddings (`tools.visit_bank`). A visit ends with the best moment that a rule saw: the threshold at
which it would just have granted somebody.

    fused        the reader's: mean of the embeddings, weighted steeply by quality, three good shots, the newest agrees
                 by itself
    mean cosine  what the reader did before: quality-weighted mean of the cosines
    likelihoods  sum of the calibrated log likelihood ratios, over the root of the number of shots
    best frame   the one shot of the highest quality so far decides alone
    vote         Frigate's, in our own words, with its default numbers: a sigmoid of the cosine less a little for blur,
                 names below 0.8 are unknown, weighted by area and score, majority of the names, at most 12 attempts,
                 no gate but 750 px; 0.9 grants
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeface import bar as bars
from edgeface import evidence, quality
from edgeface.calibration import Calibration, threshold_for
from edgeface.decide import Options
from edgeface.match import Gallery, compared
from edgeface.model import Scoring, Tensor
from tools import metrics, tail
from tools.comparisons import Comparisons, gallery_of
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, Report, Value, progress, stored
from tools.evaluate.visit_cost import cost
from tools.evaluate.visit_strength import strengths
from tools.metrics import Figure, Floats
from tools.visit_bank import Visit, by_person, folder_of, make, read
from tools.visits import RATE_HZ

BANK = Path("work/visits")
SIZES = (10, 100, 500)
DIALS = (1e-1, 1e-2, 1e-3)
"""False accepts by visit that are promised and counted."""
DRAWS = 200
"""Galleries of each size."""
SPLITS = 40
"""Halvings of the people for the promise; the tail is fitted to one half, and the other half visits the other."""
LOWEST = 1e-7
"""False match rate that the tail may be asked for here: what comes of it is what is to be seen."""
VOTE_GRANTS = 0.9
"""Weighted average from which on Frigate's vote names a visitor, by default."""
RATE = 0.01
"""False positive identification rate that rules are compared at, with 100 people enrolled."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """Everybody's reference and everybody's visits."""

    names: tuple[str, ...]
    references: Tensor
    """(people, d)."""
    visits: tuple[Visit, ...]
    owner: npt.NDArray[np.intp]
    """(visits,): whose each is."""
    scoring: Scoring | None = None
    """The embedder's."""

    def enrolled(self, people: npt.NDArray[np.intp] | None = None) -> Gallery:
        """Everybody's reference, or some people's, as the reader compares them."""
        return gallery_of(self.references if people is None else self.references[people], self.scoring)


def visits(bench: Bench) -> Report:
    """FPIR and FNIR of whole visits, five rules; promised against observed FPIR."""
    world = populate(bench)
    line, everybody = bench.loaded.choice.embedder.spec.calibration, world.enrolled()
    least, most = Options().min_shots, Options().unknown_shots
    rules = {
        "fused": np.stack([fused(one, everybody, least, most) for one in world.visits]),
        "mean cosine": np.stack([averaged(one, world.references, least, most) for one in world.visits]),
        "likelihoods": np.stack([summed(one, world.references, least, most, line) for one in world.visits]),
        "best frame": np.stack([best_frame(one, world.references) for one in world.visits]),
    }
    draws = galleries(world, 100, DRAWS, np.random.default_rng(0))
    pooled = {name: [searches(scores, world, one) for one in draws] for name, scores in rules.items()}
    pooled["vote"] = [vote_searches(world, one) for one in progress(draws, "votes")]
    figures: dict[str, Value] = {
        "visits": float(len(world.visits)),
        "people": float(len(world.names)),
        "visits_without_enough_good_shots": metrics.wilson(
            sum(int(one.accepted.sum()) < least for one in world.visits), len(world.visits)
        ),
    }
    figures |= _compare(pooled)
    figures |= _grants(world, rules["fused"], Options(), bench)
    figures |= _refusals(world)
    figures |= cost(bench)
    figures |= _promises(rules["fused"], world)
    figures |= strengths(rules["fused"], world.owner, splits=SPLITS // 2)
    return Report(figures=figures, remarks=_remarks(world))


def populate(
    bench: Bench, gate: quality.Options | None = None, *, people: Path | None = None, bank: Path = BANK
) -> World:
    """Everybody of LFW-dev, with the visits that the bank holds; what it lacks is filmed first, which takes minutes.

    `gate`: another than the reader's. `people`: another archive, with a bank of its own.
    """
    archive = Archive(people or bench.data / "lfw-dev.tar")
    folder = folder_of(bench.loaded, bank)
    make(archive, bench.loaded, folder)
    pictures = by_person(archive)
    firsts = {name: own[0] for name, own in pictures.items()}
    vectors = bench.vectors(archive, firsts.values(), "first pictures")
    known = {name: found for name, one in firsts.items() if (found := stored(vectors[one])) is not None}
    names = tuple(known)
    seen = tuple(bench.sample(one for one in read(folder, gate) if one.person in known))
    places = {name: place for place, name in enumerate(names)}
    owner = np.array([places[one.person] for one in seen])
    scoring = bench.loaded.choice.embedder.spec.scoring
    return World(names=names, references=np.stack(list(known.values())), visits=seen, owner=owner, scoring=scoring)


def fused(visit: Visit, enrolled: Gallery, least: int, most: int) -> Floats:
    """For every template: the highest threshold at which this visit would have been granted as its owner. -1: never."""
    found = moments(visit, enrolled, most)
    if len(found) < least:
        return np.full(len(enrolled.vectors), -1.0)
    return np.asarray(found[least - 1 :].max(axis=0), np.float64)


def moments(
    visit: Visit, enrolled: Gallery, most: int, *, steepness: float = evidence.STEEPNESS, slack: float = 0.0
) -> Floats:
    """After each good shot, for everybody: the threshold that is reached, (good shots, people).

    `slack`: by how much the newest shot may be less alike than all together.
    """
    good = np.flatnonzero(visit.accepted)[:most]
    if not len(good):
        return np.zeros((0, len(enrolled.vectors)))
    weights = (np.maximum(visit.quality[good], evidence.LEAST_SCORE) / 100) ** steepness
    sums = np.cumsum(visit.vectors[good] * weights[:, None], axis=0)
    together = compared(sums / np.linalg.norm(sums, axis=1, keepdims=True), enrolled)
    newest = compared(visit.vectors[good], enrolled) + slack
    return np.asarray(np.minimum(together, newest), np.float64)


def averaged(visit: Visit, references: Tensor, least: int, most: int) -> Floats:
    """As `fused`, by the mean of the cosines."""
    good = np.flatnonzero(visit.accepted)[:most]
    if len(good) < least:
        return np.full(len(references), -1.0)
    weights = np.maximum(visit.quality[good], 1)[:, None] / 100
    newest = visit.vectors[good] @ references.T
    mean = np.cumsum(newest * weights, axis=0) / np.cumsum(weights, axis=0)
    return np.asarray(np.minimum(mean, newest)[least - 1 :].max(axis=0), np.float64)


def summed(visit: Visit, references: Tensor, least: int, most: int, line: Calibration) -> Floats:
    """As `fused`, by log10 likelihood ratios, added up and divided by the root of their number: frames are alike."""
    good = np.flatnonzero(visit.accepted)[:most]
    if len(good) < least or not line:
        return np.full(len(references), -1.0)
    logs = np.interp(visit.vectors[good] @ references.T, *zip(*line, strict=True))
    logs *= np.maximum(visit.quality[good], 1)[:, None] / 100
    together = np.cumsum(logs, axis=0) / np.sqrt(np.arange(1, len(good) + 1))[:, None]
    return np.asarray(together[least - 1 :].max(axis=0), np.float64)


def best_frame(visit: Visit, references: Tensor) -> Floats:
    """As `fused`, by the best shot of the whole visit alone."""
    if not visit.accepted.any():
        return np.full(len(references), -1.0)
    best = np.flatnonzero(visit.accepted)[int(np.argmax(visit.quality[visit.accepted]))]
    return np.asarray(references @ visit.vectors[best], np.float64)


def vote(visit: Visit, gallery: Tensor) -> dict[int, float]:
    """By place in the gallery: the highest weighted average with which the vote names that person."""
    history: list[tuple[int, float, float]] = []
    best: dict[int, float] = {}
    attempts = 0
    for vector, area, blur in zip(visit.vectors, visit.area_px, visit.blur, strict=True):
        if area < 750 or attempts == 12:
            continue
        attempts += 1
        cosines = gallery @ vector
        name = int(np.argmax(cosines))
        blurred = 0.06 if blur < 120 else 0.04 if blur < 160 else 0.02 if blur < 200 else 0.01 if blur < 250 else 0.0
        score = 1 / (1 + float(np.exp(-20 * (cosines[name] - 0.3)))) - blurred
        if score > 0.8:
            history.append((name, score, min(float(area), 4000) * (score - 0.8) * 10))
        counts = Counter(entry[0] for entry in history).most_common(2)
        if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
            continue
        named = [entry for entry in history if entry[0] == counts[0][0]]
        average = sum(s * w for _, s, w in named) / sum(w for _, _, w in named)
        best[counts[0][0]] = max(best.get(counts[0][0], -1.0), average)
    return best


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcomes:
    """One gallery's visits."""

    mates: Floats
    """(mated visits,)."""
    mated: npt.NDArray[np.intp]
    """Whose."""
    strangers: Floats
    strange: npt.NDArray[np.intp]


def galleries(world: World, size: int, draws: int, random: np.random.Generator) -> list[npt.NDArray[np.intp]]:
    """Random galleries; half of each are people who visit, as far as there are."""
    visitors = np.unique(world.owner)
    others = np.setdiff1d(np.arange(len(world.names)), visitors)
    mates = min(size // 2, len(visitors) // 2)
    return [
        np.concatenate([random.permutation(visitors)[:mates], random.permutation(others)[: size - mates]])
        for _ in range(draws)
    ]


def searches(scores: Floats, world: World, gallery: npt.NDArray[np.intp]) -> Outcomes:
    """The visits as searches of one gallery."""
    inside = np.isin(world.owner, gallery)
    return Outcomes(
        mates=scores[np.flatnonzero(inside), world.owner[inside]],
        mated=world.owner[inside],
        strangers=scores[np.ix_(np.flatnonzero(~inside), gallery)].max(axis=1),
        strange=world.owner[~inside],
    )


def vote_searches(world: World, gallery: npt.NDArray[np.intp]) -> Outcomes:
    inside = np.isin(world.owner, gallery)
    told = [vote(one, world.references[gallery]) for one in world.visits]
    places = {int(person): place for place, person in enumerate(gallery)}
    mates = [told[i].get(places[int(world.owner[i])], -1.0) for i in np.flatnonzero(inside)]
    strangers = [max(told[i].values(), default=-1.0) for i in np.flatnonzero(~inside)]
    return Outcomes(
        mates=np.array(mates), mated=world.owner[inside], strangers=np.array(strangers), strange=world.owner[~inside]
    )


def _compare(pooled: dict[str, list[Outcomes]]) -> dict[str, Value]:
    """FNIR of every rule at the threshold where its FPIR is RATE, and of the vote at its default numbers."""
    figures: dict[str, Value] = {}
    for name, outcomes in pooled.items():
        threshold = _threshold(outcomes, RATE)
        key = name.replace(" ", "_")
        figures[f"fnir_at_fpir_1e-2_gallery_100_{key}"] = missed(outcomes, threshold)
        figures[f"threshold_at_fpir_1e-2_gallery_100_{key}"] = threshold
    figures["fnir_fused_to_vote"] = times_missed(pooled["fused"], pooled["vote"], RATE)
    let_in = _let_in(pooled["vote"], VOTE_GRANTS)
    figures["fpir_gallery_100_vote_default"] = let_in
    figures["fnir_gallery_100_vote_default"] = missed(pooled["vote"], VOTE_GRANTS)
    figures["fnir_gallery_100_fused_at_fpir_of_vote_default"] = missed_at(pooled["fused"], let_in.value)
    figures["fnir_fused_to_vote_at_its_default"] = times_missed(pooled["fused"], pooled["vote"], let_in.value)
    return figures


def missed(outcomes: list[Outcomes], threshold: float) -> Figure:
    """FNIR, and its interval by person."""
    happened = np.concatenate([one.mates < threshold for one in outcomes])
    return metrics.rate_by_person(happened, _pairs(np.concatenate([one.mated for one in outcomes])))


def missed_at(outcomes: list[Outcomes], rate: float = RATE) -> Figure:
    """FNIR at the threshold where `rate` of the strangers get in."""
    return missed(outcomes, _threshold(outcomes, rate))


def _threshold(outcomes: list[Outcomes], rate: float) -> float:
    return metrics.threshold_at_fmr(np.concatenate([one.strangers for one in outcomes]), rate)


def times_missed(ours: list[Outcomes], theirs: list[Outcomes], rate: float = RATE) -> Figure:
    """How many visits one rule misses for one that another does, each at the threshold where `rate` of the strangers
    get in; the same people are drawn anew for both."""
    counts, people = list[Floats](), max(int(one.mated.max()) for one in theirs) + 1
    for outcomes in (ours, theirs):
        threshold = _threshold(outcomes, rate)
        hits = [np.bincount(one.mated, one.mates < threshold, minlength=people) for one in outcomes]
        counts.append(np.sum(hits, axis=0))
    drawn = np.stack([np.ones(people), *metrics.draws(people, 1000, 0)])
    ratios = (drawn @ counts[0]) / np.maximum(drawn @ counts[1], 1)
    low, high = np.percentile(ratios[1:], [2.5, 97.5])
    tried = sum(len(one.mates) for one in theirs)
    return Figure(value=float(ratios[0]), low=float(low), high=float(high), n=tried)


def _let_in(outcomes: list[Outcomes], threshold: float) -> Figure:
    happened = np.concatenate([one.strangers >= threshold for one in outcomes])
    return metrics.rate_by_person(happened, _pairs(np.concatenate([one.strange for one in outcomes])))


def _pairs(people: npt.NDArray[np.intp]) -> list[tuple[str, str]]:
    return [(str(one), str(one)) for one in people]


def _grants(world: World, scores: Floats, options: Options, bench: Bench) -> dict[str, Value]:
    """How long a grant takes at the reader's own bar for 100 people, how many wait in vain, and who gets in."""
    spec = bench.loaded.choice.embedder.spec
    tail_of_spec = bars.tail_of(spec)
    bar = spec.thresholds["grant"]
    if tail_of_spec is not None:
        bar = max(bar, threshold_for(max(1 / bars.AIM / SIZES[1], tail_of_spec.lowest_fmr), tail_of_spec))
    shots, frames = list[int](), list[int]()
    for place, one in enumerate(world.visits):
        himself = world.enrolled(world.owner[[place]])
        reached = moments(one, himself, options.unknown_shots)[:, 0] >= bar
        reached[: options.min_shots - 1] = False
        if reached.any():
            first = int(np.argmax(reached))
            shots.append(first + 1)
            good = np.flatnonzero(one.accepted)
            frames.append(int(one.frame[good[first]] - one.frame[0]) + 1)
    own = scores[np.arange(len(world.visits)), world.owner]
    return {
        "bar_gallery_100": bar,
        "fnir_at_the_bar_gallery_100": metrics.wilson(int((own < bar).sum()), len(own)),
        "good_shots_to_a_grant_median": float(np.median(shots)),
        "good_shots_to_a_grant_90th_percentile": float(np.percentile(shots, 90)),
        "frames_to_a_grant_median": float(np.median(frames)),
        "frames_to_a_grant_90th_percentile": float(np.percentile(frames, 90)),
        "ms_to_a_grant_median": float(np.median(frames) - 1) * 1000 / RATE_HZ,
        "ms_to_a_grant_90th_percentile": float(np.percentile(frames, 90) - 1) * 1000 / RATE_HZ,
    }


def _refusals(world: World) -> dict[str, Value]:
    """Of all faces, how many each gate refuses as its worst reason."""
    reasons = Counter(reason for one in world.visits for reason in one.refused if reason)
    faces = sum(len(one.vectors) for one in world.visits)
    return {f"refused_{reason}": metrics.wilson(count, faces) for reason, count in reasons.most_common()}


def _promises(scores: Floats, world: World) -> dict[str, Value]:
    """Observed FPIR where a dial is promised to a gallery, the tail being fitted to visits and references of others."""
    random, people = np.random.default_rng(1), len(world.names)
    seen: dict[tuple[int, float], list[float]] = {}
    for _ in progress(range(SPLITS), "promises"):
        mine = random.permutation(people) < people // 2
        fit = tail.fit_once(strangers(scores, world, mine), LOWEST)
        theirs, visiting = np.flatnonzero(~mine), np.flatnonzero(~mine[world.owner])
        other = world.owner[visiting][:, None] != theirs[None]
        for size in (size for size in SIZES if size < len(theirs)):
            for dial in DIALS:
                over = scores[np.ix_(visiting, theirs)] >= threshold_for(max(dial / size, LOWEST), fit)
                seen.setdefault((size, dial), []).append(_any_of(over & other, size))
    figures: dict[str, Value] = {}
    for (size, dial), values in seen.items():
        low, high = np.percentile(values, [2.5, 97.5])
        figures[f"fpir_promised_{dial:g}_gallery_{size}"] = Figure(
            value=float(np.mean(values)), low=float(low), high=float(high), n=len(world.visits) // 2
        )
    return figures


def strangers(scores: Floats, world: World, people: npt.NDArray[np.bool_]) -> Comparisons:
    """The visits of some people against the references of the others among them; `scores` is (visits, people)."""
    visiting, met = np.flatnonzero(people[world.owner]), np.flatnonzero(people)
    first, second = np.meshgrid(world.owner[visiting], met, indexing="ij")
    other = first != second
    told = scores[np.ix_(visiting, met)][other]
    return Comparisons(scores=told, first=first[other], second=second[other], people=len(people))


def _any_of(over: npt.NDArray[np.bool_], size: int) -> float:
    """Mean over visits of the chance that a random gallery of `size` others holds anybody who is over: exact."""
    others = over.shape[1] - 1
    hits = over.sum(axis=1)
    miss = np.ones(len(hits))
    for place in range(int(hits.max(initial=0))):
        miss = np.where(hits > place, miss * np.maximum(0, (others - size - place) / (others - place)), miss)
    return float(np.mean(1 - miss))


def _remarks(world: World) -> tuple[str, ...]:
    faces = sum(len(one.vectors) for one in world.visits)
    missing = sum(one.frames - len(one.vectors) for one in world.visits)
    return (
        f"{faces} faces in {faces + missing} frames; `refused` is the worst reason of each.",
        "Every visit shows one photograph, and the enrolled one is another: days, cameras and years lie between them.",
    )
