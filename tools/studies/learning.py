"""What learning from use is worth, and what each of its guards prevents; how well strangers are told apart.

    python -m tools.studies.learning --data DATA --out models/learning.md

LFW-dev people with five or more pictures are enrolled with one; two more are kept for judging, the rest are visits, in
random order among visits of everybody else in the set, who are strangers and come three times each. A visit is three
shots of one picture: as it is, from farther away, and in poor light. Then who is kept for judging comes, and every
stranger once more. "No guard" learns from every grant and lets what was learned vouch for more, as galleries that
"train themselves" do. Embeddings are kept below `work/` and not made twice.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeface import learn, strangers
from edgeface.frame import Instant
from edgeface.learn import Bars, Lesson, Options, Pupil, Question, Shot
from edgeface.match import LIFT, price_of, priced
from edgeface.model import Scoring, Tensor
from edgeface.pose import Pose
from edgeface.scoring import probes, templates
from edgeface.service.bootstrap import Loaded, load_models
from tools import degrade
from tools.datasets import Archive
from tools.evaluate.acquire import central_face, person_of, progress, template, vector_at
from tools.metrics import Figure, Flags, rate_by_person, threshold_at_fmr

Visits = npt.NDArray[np.float32]
"""float32, shape (shots, dimensions)."""
FRONTAL = Pose(yaw_deg=0, pitch_deg=0, roll_deg=0)
JUDGED = 2
"""Pictures of each enrolled person that are kept for judging."""
RETURNS = 3
"""How often each stranger comes while the gallery learns."""
ORDERS = 5
"""Random orders of the visits."""
LEAD = 0.05
"""Of the best person over the next, which the door asks for."""
LIFTS = (0.05, 0.15, 0.2)
"""Beside the one in use."""
DAY_NS = 24 * 3600 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A way to learn."""

    name: str
    options: Options
    bars: Bars
    chain: bool = False
    """Whether what was learned vouches for more."""
    lift: float = LIFT
    """By how much what was learned may raise a score."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one policy came to, over all orders."""

    lessons: int = 0
    wrong_lessons: int = 0
    questions: int = 0
    wrong_questions: int = 0
    mated: list[float] = field(default_factory=list)
    """Score of each judged visit of somebody enrolled if the right person ranks first, else -1."""
    mates: list[str] = field(default_factory=list)
    """Whose each is."""
    unmated: list[float] = field(default_factory=list)
    """Score of each stranger's judged visit."""
    callers: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--cache", type=Path, default=Path("work/learning.npz"), help="embeddings made so far")
    parser.add_argument("--out", type=Path, required=True, help="Markdown to write")
    arguments = parser.parse_args()
    loaded = load_models(arguments.home)
    visits = _visits(Archive(arguments.data / "lfw-dev.tar"), loaded, arguments.cache)
    people = _by_person(visits)
    tallies = {
        policy.name: _try(policy, people, loaded.choice.embedder.spec.scoring)
        for policy in progress(_policies(loaded), "Learning")
    }
    joins = [_cluster(people, join) for join in (0.40, 0.45, 0.50, 0.55, 0.60)]
    arguments.out.write_text(_page(tallies, joins, people, loaded.floor), encoding="utf-8")
    print(f"wrote {arguments.out}")


def _policies(loaded: Loaded) -> list[Policy]:
    tail = loaded.choice.embedder.spec.impostor_tail
    if tail is None:
        raise SystemExit("this embedder has no impostor tail: run tools.calibrate_scores first")
    full = learn.bars(loaded.floor, tail)
    ours = Options(enabled=True, most_learned=3, rest_hours=0)
    loose = replace(ours, min_lead=0.0)
    low = Bars(grant=full.grant, teach=full.grant)
    return [
        Policy(name="off", options=replace(ours, enabled=False), bars=full),
        Policy(name="ours", options=ours, bars=full),
        *(Policy(name=f"lift {lift:.2f}", options=ours, bars=full, lift=lift) for lift in LIFTS),
        Policy(name="any lift", options=ours, bars=full, lift=2.0),
        Policy(name="the door's bar", options=loose, bars=low, lift=2.0),
        Policy(name="no guard", options=replace(loose, most_learned=16), bars=low, chain=True, lift=2.0),
    ]


def _visits(archive: Archive, loaded: Loaded, cache: Path) -> dict[str, Visits]:
    """Three embeddings a picture, of those whose face is found in all three."""
    names = archive.names("images/")
    if cache.exists() and (kept := np.load(cache))["model"] == loaded.models.embedder.identity:
        return {name: kept[name] for name in names if name in kept}
    found: dict[str, Visits] = {}
    for name in progress(names, "LFW-dev, three shots each"):
        shots = list(_shots(archive, name, loaded))
        if all(shot is not None for shot in shots):
            found[name] = np.stack([shot for shot in shots if shot is not None])
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(cache, model=np.array(loaded.models.embedder.identity), **found)  # type: ignore[arg-type]
    return found


def _shots(archive: Archive, name: str, loaded: Loaded) -> Iterator[Tensor | None]:
    pixels, noise = archive.picture(name), np.random.default_rng(0)
    far = degrade.shrink(pixels, 0.5)
    poor = degrade.add_noise(degrade.smear(degrade.expose(pixels, 0.45), 3), 5.0, noise)
    for seen in (pixels, far, poor):
        face = central_face(seen, loaded.models)
        yield None if face is None else vector_at(seen, face.landmarks, loaded.models)


def _by_person(visits: Mapping[str, Visits]) -> dict[str, list[Visits]]:
    people: dict[str, list[Visits]] = defaultdict(list)
    for name, shots in visits.items():
        people[person_of(name)].append(shots)
    return people


def _try(policy: Policy, people: Mapping[str, list[Visits]], scoring: Scoring | None) -> Tally:
    tally = Tally()
    for seed in range(ORDERS):
        book = partial(_Book, policy, scoring)
        _live(book, people, np.random.default_rng(seed), tally)
    return tally


def _live(
    begin: Callable[[dict[str, Tensor]], _Book],
    people: Mapping[str, list[Visits]],
    random: np.random.Generator,
    tally: Tally,
) -> None:
    """One gallery's life: enrol, be visited, be judged."""
    shuffled = {name: [own[i] for i in random.permutation(len(own))] for name, own in people.items()}
    enrolled = {name: own for name, own in shuffled.items() if len(own) >= 3 + JUDGED}
    guests = {name: own for name, own in shuffled.items() if name not in enrolled}
    book = begin({name: template(own[0][0])[None] for name, own in enrolled.items()})
    calls = [(name, shots) for name, own in enrolled.items() for shots in own[1:-JUDGED]]
    calls += [(name, shots) for name, own in guests.items() for shots in own] * RETURNS
    for day, place in enumerate(random.permutation(len(calls))):
        book.visit(*calls[place], day, tally)
    for name, own in enrolled.items():
        found = [book.search(shots) for shots in own[-JUDGED:]]
        tally.mated += [score if whose == name else -1.0 for whose, score in found]
        tally.mates += [name] * JUDGED
    for name, own in guests.items():
        tally.unmated += [book.search(shots)[1] for shots in own]
        tally.callers += [name] * len(own)


class _Book:
    """A gallery that learns."""

    def __init__(self, policy: Policy, scoring: Scoring | None, originals: dict[str, Tensor]) -> None:
        self._policy = policy
        self._scoring = scoring
        self._originals = originals
        self._learned: dict[str, list[Tensor]] = {name: [] for name in originals}
        self._freeze()

    def _freeze(self) -> None:
        self._names = list(self._originals)
        rows = [np.concatenate([self._originals[name], *self._taught(name)]) for name in self._names]
        self._owners = np.repeat(np.arange(len(rows)), [len(own) for own in rows])
        self._rows = templates(np.concatenate(rows), self._scoring)
        self._price = price_of(self._rows, self._scoring)
        self._first = np.concatenate(
            [np.arange(len(own)) < len(self._originals[name]) for name, own in zip(self._names, rows, strict=True)]
        )

    def _taught(self, name: str) -> list[Tensor]:
        return [vector[None] for vector in self._learned[name]]

    def search(self, shots: Visits) -> tuple[str, float]:
        """Whom the door finds, and the bar that would let him in: mean and newest shot must reach it, with a lead."""
        likeness = priced(probes(shots, self._scoring) @ self._rows.T, self._price)
        first, later = (self._best(likeness, rows) for rows in (self._first, ~self._first))
        scores = np.maximum(first, np.minimum(later, first + np.float32(self._policy.lift)))
        mean = scores.mean(axis=0)
        second, best = (int(place) for place in np.argsort(mean)[-2:])
        leads = mean[best] - mean[second] >= LEAD
        return self._names[best], float(min(mean[best], scores[-1, best])) if leads else -1.0

    def _best(self, likeness: Visits, rows: Flags) -> Visits:
        """Each shot's best score among these rows, per person."""
        scores = np.full((len(likeness), len(self._names)), -1, np.float32)
        for place in np.flatnonzero(rows):
            column = scores[:, self._owners[place]]
            np.maximum(column, likeness[:, place], out=column)
        return scores

    def visit(self, caller: str, shots: Visits, day: int, tally: Tally) -> None:
        whose, score = self.search(shots)
        if score < self._policy.bars.grant:
            return
        now = Instant(monotonic_ns=day * DAY_NS, wall_ns=day * DAY_NS, wall_trusted=True)
        seen = tuple(Shot(vector=vector, quality=80.0, pose=FRONTAL, live=True) for vector in shots)
        outcome = learn.consider(seen, self._pupil(whose), self._policy.bars, self._policy.options, now)
        if isinstance(outcome, Lesson):
            tally.lessons += 1
            tally.wrong_lessons += caller != whose
            self._learned[whose].append(template(outcome.shot.vector))
            self._freeze()
        elif isinstance(outcome, Question):
            tally.questions += 1
            tally.wrong_questions += caller != whose

    def _pupil(self, whose: str) -> Pupil:
        mine = self._owners == self._names.index(whose)
        vouching = mine if self._policy.chain else mine & self._first
        return Pupil(
            originals=self._rows[vouching],
            learned=self._rows[mine & ~self._first],
            others=self._rows[~mine],
            taught_at_wall_ns=None,
            price=self._price[vouching],
            price_of_others=self._price[~mine],
            scoring=self._scoring,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """How well strangers are told apart at one setting (B-cubed; Bagga and Baldwin, 1998)."""

    at: float
    precision: Figure
    """Of the visits filed with a visit: how many are the same person's."""
    recall: Figure
    """Of a person's visits: how many are filed with it."""


def _cluster(people: Mapping[str, list[Visits]], join: float) -> Join:
    options = strangers.Options(enabled=True, join=join, keep_days=90, most=10_000)
    calls = [(name, shots) for name, own in people.items() for shots in own]
    known: tuple[strangers.Stranger, ...] = ()
    filed: list[tuple[str, str]] = []
    now = Instant(monotonic_ns=0, wall_ns=0, wall_trusted=False)
    for place in np.random.default_rng(0).permutation(len(calls)):
        name, shots = calls[place]
        vector = strangers.visit(tuple(shots), (1.0,) * len(shots))
        known, whose = strangers.meet(known, vector, now, options, f"s_{place}")
        filed.append((name, str(whose)))
    return Join(at=join, precision=_share(filed, 1), recall=_share(filed, 0))


def _share(filed: Sequence[tuple[str, str]], by: int) -> Figure:
    """Pairs of (person, file) that agree among those alike in `by`, drawing people with replacement."""
    groups, agreed = Counter(one[by] for one in filed), Counter(filed)
    shares = np.array([agreed[one] / groups[one[by]] for one in filed])
    names = sorted({name for name, _ in filed})
    sums = {name: shares[[place for place, (own, _) in enumerate(filed) if own == name]] for name in names}
    random = np.random.default_rng(0)
    again = [
        float(np.concatenate([sums[names[i]] for i in random.integers(len(names), size=len(names))]).mean())
        for _ in range(200)
    ]
    low, high = np.percentile(again, [2.5, 97.5])
    return Figure(value=float(shares.mean()), low=float(low), high=float(high), n=len(shares))


def _page(tallies: Mapping[str, Tally], joins: Sequence[Join], people: Mapping[str, list[Visits]], bar: float) -> str:
    enrolled = sum(len(own) >= 3 + JUDGED for own in people.values())
    share = float(np.mean(np.array(tallies["off"].unmated) >= bar))
    rows = "\n".join(_row(name, tally, bar, share) for name, tally in tallies.items())
    filed = "\n".join(f"| {one.at:.2f} | {_percent(one.precision)} | {_percent(one.recall)} |" for one in joins)
    visits = sum(len(own) for own in people.values())
    return f"""# What learning from use is worth

Written by `python -m tools.studies.learning`. {enrolled} people of LFW-dev enrolled with one picture each, {ORDERS}
random orders of visits; every other person of the set is a stranger who comes {RETURNS} times while the gallery learns.
Judged afterwards on {JUDGED} pictures of each person that took no part, and on every stranger once more; 95 %
intervals, drawing people with replacement. A visit here is three shots of one picture at the door's own bar, not the
whole reader.

| learning | lessons | wrong | questions | wrong | enrolled, not let in | strangers let in | not let in, bar raised |
|---|---|---|---|---|---|---|---|
{rows}

"Ours" wants every shot at the lowest false match rate that the embedder's impostor tail was seen to keep, alive, with a
lead over everybody else, vouched for by what a person enrolled and never by what was learned. "The door's bar" wants no
more than a grant does. "No guard" also lets lessons vouch for lessons, as galleries that train themselves do. What
"ours" is unsure of becomes a question for a person.

"Lift" is by how much, in cosine, what was learned may raise a score above what the enrolled templates give
(`edgeface/match.py`): "ours" takes {LIFT:g}, "any lift" and the rows below it do without that limit. Without it one
lesson would be a step that a creeping impostor could stand on; with it nobody gets in who is less alike to the
enrolment than the bar less {LIFT:g}, whatever was learned. More templates are more chances for a stranger, too: the
last column raises the bar until no more strangers pass than without learning. The reader does so by the number of
templates that visits taught, each of which counts as one more person enrolled.

## Strangers told apart

All {visits} visits of {len(people)} people in random order, each filed with the stranger it is most like
(`strangers.join`). Precision: of the visits filed together with one, those of the same person; recall: of a person's
visits, those filed together with one (B-cubed).

| join | precision | recall |
|---|---|---|
{filed}
"""


def _row(name: str, tally: Tally, bar: float, share: float) -> str:
    raised = max(bar, threshold_at_fmr(np.array(tally.unmated), share))
    missed, missed_at_share = (_rate(np.array(tally.mated) < at, tally.mates) for at in (bar, raised))
    admitted = _rate(np.array(tally.unmated) >= bar, tally.callers)
    return (
        f"| {name} | {tally.lessons} | {tally.wrong_lessons} | {tally.questions} | {tally.wrong_questions} "
        f"| {_percent(missed)} | {_percent(admitted, 2)} | {_percent(missed_at_share)} |"
    )


def _rate(happened: Flags, people: Sequence[str]) -> Figure:
    return rate_by_person(happened, [(one, one) for one in people])


def _percent(figure: Figure, digits: int = 1) -> str:
    value, low, high = (f"{100 * x:.{digits}f}" for x in (figure.value, figure.low, figure.high))
    return f"{value} % [{low}, {high}] (n = {figure.n:,})"


if __name__ == "__main__":
    main()
