"""Fitting and judging maps between embedders: see `tools.fit_map`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeface import bar as bars
from edgeface.bridge import Bridge, carry
from edgeface.calibration import threshold_for
from edgeface.decide import Options
from edgeface.match import AS_IT_IS, Gallery, compared
from edgeface.model import Scoring, Tensor
from tools import metrics
from tools.comparisons import gallery_of
from tools.evaluate.acquire import Bench, person_of, template
from tools.evaluate.verification import lfw_pairs
from tools.evaluate.visits import DRAWS, World, fused, galleries, populate, searches
from tools.metrics import Figure, Floats

RIDGES = (0.01, 0.1, 1.0, 10.0)
RATES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)
"""False match rates at which the price must be right."""
MARGIN = 1.5
"""Strangers are to match what was carried over so many times less often than templates of the embedder in use. A
choice: it covers what the price was seen to be off by from one half of the people to the other, and in whole visits."""
SPLITS = 40
GALLERY = 100
DIALS = (1e-1, 1e-2, 1e-3)
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """A map, and how near it comes on faces that it was not fitted to."""

    matrix: Tensor
    offset: Tensor
    faces: int
    held: int
    likeness: float
    """Mean cosine of carried and own embedding of one picture, faces held out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """LFW-dev by both embedders."""

    names: tuple[str, ...]
    former: npt.NDArray[np.int8]
    """Templates, (n, former dimensions)."""
    new: Tensor
    """Embeddings, (n, new dimensions)."""
    rows: tuple[Mapping[str, str], ...]
    """Of pairs.csv."""
    scoring: Scoring | None = None
    """The new embedder's."""

    @property
    def owners(self) -> npt.NDArray[np.str_]:
        """Who is on each picture."""
        return np.array([person_of(name) for name in self.names])


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """How well the price holds for people that it was not fitted to."""

    kept: Mapping[float, Figure]
    """By false match rate of the new embedder alone: what carried templates came to at its threshold."""


def fit(former: npt.NDArray[np.int8], new: Tensor, held: Flags) -> Fitted:
    """The affine map of templates to embeddings, its ridge the best on the faces `held` out."""
    best: Fitted | None = None
    rows = unit_rows(former.astype(np.float32))
    wide = np.column_stack([rows, np.ones(len(rows), np.float32)]).astype(np.float64)
    square, mixed = wide[~held].T @ wide[~held], wide[~held].T @ new[~held]
    for ridge in RIDGES:
        solved = np.linalg.solve(square + ridge * np.eye(len(square)), mixed)
        likeness = float((unit_rows(wide[held] @ solved) * new[held]).sum(axis=1).mean())
        if best is None or likeness > best.likeness:
            best = Fitted(
                matrix=np.ascontiguousarray(solved[:-1].T, np.float32),
                offset=np.asarray(solved[-1], np.float32),
                faces=int((~held).sum()),
                held=int(held.sum()),
                likeness=likeness,
            )
    assert best is not None
    return best


def priced(fitted: Fitted, former: str, lfw: Measured) -> tuple[Bridge, Price]:
    """The map with its price, fitted to all of LFW-dev's people, and how it holds from half to half of them."""
    plain = Bridge(former=former, matrix=fitted.matrix, offset=fitted.offset, scale=1, shift=0, measured="")
    native, mapped = _scores(lfw, plain)
    owners = lfw.owners
    names, place = np.unique(owners, return_inverse=True)
    random, seen = np.random.default_rng(0), {rate: list[float]() for rate in RATES[:-2]}
    for _ in range(SPLITS):
        mine = random.permutation(len(names)) < len(names) // 2
        fitting, judging = (_strangers(place, chosen) for chosen in (mine, ~mine))
        scale, shift = _line(native[fitting], mapped[fitting])
        for rate, values in seen.items():
            threshold = np.quantile(native[judging], 1 - rate)
            values.append(float((scale * mapped[judging] + shift >= threshold).mean()))
    everybody = _strangers(place, np.ones(len(names), bool))
    scale, shift = _line(native[everybody], mapped[everybody])
    kept = {rate: _spread(values, int(everybody.sum() // 4)) for rate, values in seen.items()}
    said = f"ridge fit to {fitted.faces} faces; price fitted to {int(everybody.sum())} comparisons in LFW-dev"
    return replace(plain, scale=round(scale, 4), shift=round(shift, 4), measured=said), Price(kept=kept)


def _line(native: Floats, mapped: Floats) -> tuple[float, float]:
    """(scale, shift) that bring the highest scores of different people below the new embedder's own, by `MARGIN`."""
    own = np.quantile(native, [1 - MARGIN * rate for rate in RATES])
    carried = np.quantile(mapped, [1 - rate for rate in RATES])
    scale = float(np.polyfit(carried, own, 1)[0])
    return scale, float((own - scale * carried).min())


def _scores(lfw: Measured, bridge: Bridge) -> tuple[Floats, Floats]:
    """Templates of the new embedder, and those carried over, against its embeddings: everybody with everybody."""
    own = np.stack([template(vector) for vector in lfw.new])
    native, carried = (gallery_of(rows, lfw.scoring) for rows in (own, carry(lfw.former, bridge)))
    return compared(lfw.new, native).T, compared(lfw.new, carried).T


def _strangers(place: npt.NDArray[np.intp], chosen: Flags) -> Flags:
    """Pairs of pictures of two different people who are both among the chosen."""
    inside = chosen[place]
    return np.asarray((place[:, None] != place[None]) & inside[:, None] & inside[None])


def _spread(values: list[float], n: int) -> Figure:
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(value=float(np.mean(values)), low=float(low), high=float(high), n=n)


def verified(lfw: Measured, bridge: Bridge) -> dict[str, dict[str, Figure]]:
    """LFW's pairs: first picture enrolled, second seen by the new embedder; and the former one alone."""
    names = [name.removeprefix("images/") for name in lfw.names]
    former = unit_rows(lfw.former.astype(np.float32))
    own = np.stack([template(vector) for vector in lfw.new])
    carried = carry(lfw.former, bridge)
    kinds = {"the embedder in use alone": (own, lfw.new), "the former one alone": (former, former)}
    kinds["carried over by the map"] = (carried, lfw.new)
    if former.shape[1] == lfw.new.shape[1]:
        kinds["compared without a map"] = (former, lfw.new)
    found = {}
    for kind, (first, second) in kinds.items():
        lost = dict.fromkeys(_all(lfw))
        firsts, seconds = ({**lost, **dict(zip(names, one, strict=True))} for one in (first, second))
        found[kind] = metrics.verification(lfw_pairs(lfw.rows, firsts, seconds))
    return found


def _all(lfw: Measured) -> set[str]:
    return {row[side] for row in lfw.rows for side in ("file_a", "file_b")}


def visits(bench: Bench, bridge: Bridge, lfw: Measured) -> dict[str, tuple[Figure, Figure]]:
    """Whole visits at galleries of `GALLERY` people, one picture each: (FPIR, FNIR), native and carried, by dial."""
    world = populate(bench)
    pictures = {}
    for place, name in enumerate(lfw.names):
        pictures.setdefault(person_of(name), place)
    former = lfw.former[[pictures[name] for name in world.names]]
    over = gallery_of(carry(former, bridge), world.scoring)
    price = np.tile(AS_IT_IS, (len(former), 1)) if over.price is None else over.price
    price = price * np.float32(bridge.scale) + np.array([0, bridge.shift], np.float32)
    native, carried = _fused(world, world.enrolled()), _fused(world, replace(over, price=price))
    spec = bench.loaded.choice.embedder.spec
    tail, card = bars.tail_of(spec), spec.thresholds["grant"]
    assert tail is not None
    found = {}
    for dial in DIALS:
        bar = max(card, threshold_for(max(dial / GALLERY, tail.lowest_fmr), tail))
        for kind, scores in (("native", native), ("carried over", carried)):
            found[f"1 in {1 / dial:.0f}, {kind}"] = _outcome(world, scores, bar)
    return found


def _fused(world: World, enrolled: Gallery) -> Floats:
    least, most = Options().min_shots, Options().unknown_shots
    return np.stack([fused(visit, enrolled, least, most) for visit in world.visits])


def _outcome(world: World, scores: Floats, bar: float) -> tuple[Figure, Figure]:
    drawn = [searches(scores, world, one) for one in galleries(world, GALLERY, DRAWS, np.random.default_rng(0))]
    strange = np.concatenate([one.strange for one in drawn]), np.concatenate([one.strangers >= bar for one in drawn])
    mated = np.concatenate([one.mated for one in drawn]), np.concatenate([one.mates < bar for one in drawn])
    fpir, fnir = (
        metrics.rate_by_person(rate, [(str(who), str(who)) for who in people]) for people, rate in (strange, mated)
    )
    return fpir, fnir


def told(
    former: str, new: str, fitted: Fitted, bridge: Bridge, price: Price, lfw: Measured,
    seen: Mapping[str, tuple[Figure, Figure]],
) -> list[str]:  # fmt: skip
    """The figures as lines of a page."""
    lines = [
        f"Templates of {former} compared with embeddings of {new}. Map: ridge regression on {fitted.faces:,} training "
        f"faces; on {fitted.held} held out, what is carried over has a cosine of {fitted.likeness:.3f} to what {new} "
        f"itself makes of the same picture. Price: {bridge.scale:.3f} x cosine {bridge.shift:+.3f}.",
        "",
        "| LFW-dev pairs | accuracy | TAR at FAR 1e-2 | TAR at FAR 1e-3 |",
        "| --- | --- | --- | --- |",
    ]
    for kind, figures in verified(lfw, bridge).items():
        lines.append(f"| {kind} | " + " | ".join(_percent(one) for one in figures.values()) + " |")
    lines += ["", "Price fitted to one half of the people, judged on the other (40 splits, 95 % of them):", ""]
    lines += ["| FMR of templates of its own | FMR of those carried over, at the same threshold |", "| --- | --- |"]
    lines += [f"| {rate:g} | {one.value:.2g} [{one.low:.2g}, {one.high:.2g}] |" for rate, one in price.kept.items()]
    if seen:
        head = f"Simulated visits ({DRAWS} galleries of {GALLERY} people, one picture each), at the bar of the dial:"
        lines += ["", head, ""]
        lines += ["| dial | strangers let in | the right ones turned away |", "| --- | --- | --- |"]
        lines += [f"| {kind} | {_percent(let_in)} | {_percent(away)} |" for kind, (let_in, away) in seen.items()]
    return lines


def _percent(figure: Figure) -> str:
    return f"{100 * figure.value:.2f} % [{100 * figure.low:.2f}, {100 * figure.high:.2f}] (n = {figure.n:,})"


def unit_rows(rows: npt.NDArray[Any]) -> Tensor:
    """Each row at length 1."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9), np.float32)
