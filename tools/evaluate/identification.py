"""Who is it, or nobody we know? Open-set identification in the terms of ISO/IEC 19795-1:2021.

Everybody in a gallery of N has one reference template, from one picture; every probe is one other picture. The reader
itself asks for several shots and a margin, so its rates at the door differ: these are of single pictures, end to end.

    FPIR(N, T)        share of the non-mated searches that return anybody at threshold T
    FNIR(N, 1, T)     share of the mated searches that do not return the right person at rank 1, or return him below T

A picture without a face cannot be enrolled. As a probe it counts: a mated search then fails, a non-mated one returns
nobody. Intervals are by bootstrap over the people of the probes, for the galleries drawn.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from edgeface.match import compared
from edgeface.model import Scoring
from tools import metrics
from tools.comparisons import gallery_of
from tools.datasets import Archive
from tools.evaluate import plots
from tools.evaluate.acquire import Bench, Plot, Report, Value, Vectors, person_of, progress, stored, under_two_names
from tools.metrics import Searches

SIZES = (10, 100, 500, 1000)
"""People enrolled: a family, a house, a school, a works."""
DRAWS = 100
"""Galleries of each size, at least."""
ENROLMENTS = 5000
"""In all galleries of a size together, at least. With these, other seeds moved no rate on LFW-dev by more than a third
of its interval; with 100 galleries of 10 they moved FPIR by most of one."""
RATE = 0.01
"""False positive identification rate of the second working point."""


def identify(bench: Bench) -> Report:
    """FPIR and FNIR by the size of the gallery, at the shipped threshold and at FPIR 1 %."""
    archive, floor = Archive(bench.data / "lfw-dev.tar"), bench.loaded.floor
    people = set(bench.sample(dict.fromkeys(person_of(name) for name in archive.names("images/"))))
    chosen = [name for name in archive.names("images/") if person_of(name) in people]
    templates = {name: stored(vector) for name, vector in bench.vectors(archive, chosen, "LFW-dev").items()}
    random, scoring = np.random.default_rng(0), bench.loaded.choice.embedder.spec.scoring
    searches = {
        size: draw_searches(templates, size, random, draws=max(DRAWS, ENROLMENTS // size), scoring=scoring)
        for size in progress([size for size in SIZES if size < len(people)], "galleries")
    }
    figures: dict[str, Value] = {"threshold": floor}
    for size, pooled in searches.items():
        figures |= _figures(pooled, size, floor)
    says = "DET of open-set identification by the number of people enrolled."
    plot = Plot(says=says, draw=partial(plots.identification, searches, floor))
    return Report(figures=figures, plots={"det": plot}, remarks=under_two_names(chosen))


def draw_searches(
    templates: Vectors, size: int, random: np.random.Generator, *, draws: int, scoring: Scoring | None = None
) -> Searches:
    """Searches of `draws` random galleries of `size` people, by the embedder's `scoring`.

    A picture without a face cannot be enrolled; as a probe it matches nobody. People with two pictures are enrolled
    first, because only they can be looked for; those with one fill the gallery up. Raises ValueError if there are not
    more people than `size`.
    """
    names = sorted(templates)
    matrix = _similarities(templates, names, scoring)
    pictures: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        pictures.setdefault(person_of(name), []).append(index)
    if len(pictures) <= size:
        raise ValueError(f"a gallery of {size} leaves no strangers among {len(pictures)} people")
    return metrics.pool([_search_once(matrix, pictures, size, random) for _ in range(draws)])


def _similarities(templates: Vectors, names: list[str], scoring: Scoring | None) -> metrics.Floats:
    """Cosine of every picture to every one as a template, as it counts; -inf where either shows no face."""
    length = next(len(vector) for vector in templates.values() if vector is not None)
    missing = np.full(length, np.nan, np.float32)
    rows = np.stack([missing if (vector := templates[name]) is None else vector for name in names])
    return np.nan_to_num(compared(rows, gallery_of(rows, scoring)).astype(np.float64), nan=-np.inf)


def _search_once(
    matrix: metrics.Floats, pictures: dict[str, list[int]], size: int, random: np.random.Generator
) -> Searches:
    """One gallery, and one probe of everybody who has a picture left."""
    shuffled = {name: random.permutation(pictures[name]).tolist() for name in random.permutation(sorted(pictures))}
    able = [name for name, own in shuffled.items() if np.isfinite(matrix[own[0], own[0]])]
    gallery = {name: shuffled[name][0] for name in sorted(able, key=lambda name: len(shuffled[name]) < 2)[:size]}
    probes = {name: own[name in gallery] for name, own in shuffled.items() if len(own) > (name in gallery)}
    return metrics.search(matrix[np.ix_(list(probes.values()), list(gallery.values()))], list(probes), list(gallery))


def _figures(searches: Searches, size: int, floor: float) -> dict[str, Value]:
    strict = metrics.threshold_at_fmr(searches.strangers, RATE)
    return {
        f"fpir_gallery_{size}": metrics.fpir(searches, floor),
        f"fnir_gallery_{size}": metrics.fnir(searches, floor),
        f"threshold_at_fpir_1e-2_gallery_{size}": strict,
        f"fnir_at_fpir_1e-2_gallery_{size}": metrics.fnir(searches, strict),
        f"enrolled_people_searched_gallery_{size}": float(len(set(searches.mated_people))),
        f"strangers_gallery_{size}": float(len(set(searches.stranger_people))),
    }
