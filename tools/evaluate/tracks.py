"""Who is who: how well visitors are told apart and followed, and what a mix-up costs at the door.

One run over films of several people with known truth (`tools.crowd_bank`): the reader, and the reader with two other
trackers (`tools.trackers`) in place of its own, on the same faces, gate and embeddings. Half of the people are
enrolled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from edgeface import bar, detect, embed, match, track
from edgeface.frame import Pixels
from edgeface.match import Gallery
from edgeface.pipeline import Options
from tools import crowd_bank, crowd_play, metrics, tracking
from tools.crowd_bank import Film
from tools.crowd_play import Played, Reader
from tools.datasets import Archive
from tools.evaluate import plots
from tools.evaluate.acquire import Bench, Plot, Report, Value, progress, stored
from tools.evaluate.budget import race, ratio
from tools.evaluate.clips import clips
from tools.metrics import Figure
from tools.trackers import Plain, centroid, greedy, ours
from tools.visit_bank import by_person, folder_of

BANK = Path("work/crowds")
OVERALL = ("idf1", "switches_per_person", "fragments_per_person", "tracks_per_person", "mota", "missed", "false")
WITHOUT = ("idf1", "switches_per_person", "missed", "false")
PARTS = {
    "faint_faces": Options(detect=detect.Options(faint_score=1.0)),
    "jumps": Options(track=track.Options(max_jump=0.0)),
    "memory": Options(track=track.Options(memory_s=0.0)),
}
BY_SCRIPT = ("switches_per_person", "idf1")


def tracks(bench: Bench) -> Report:
    """Switches, fragments, IDF1 and MOTA of three trackers, and wrong, mixed and missed grants."""
    films = _films(bench)
    embedder, options = bench.loaded.models.embedder, Options()
    gallery = _gallery(bench, films)
    gathers = {
        "ours": ours(embedder),
        "greedy overlap": Plain(link=greedy).gather,
        "nearest centroid": Plain(link=centroid).gather,
    }
    height = bar.derive(gallery, embedder.spec)
    readers = {
        name: Reader(gather=follow, gallery=gallery, bar=height, options=options) for name, follow in gathers.items()
    }
    played = {name: [crowd_play.play(one, reader) for one in progress(films, name)] for name, reader in readers.items()}
    figures = {name: _figures(films, of) | clips(bench, gathers[name], gallery) for name, of in played.items()}
    mine, *others = figures
    return Report(
        figures={
            "films": float(len(films)),
            "people_enrolled": float(len(gallery.people)),
            **figures[mine],
            **_without(films, readers["ours"]),
            **_likeness(films, embedder.spec.thresholds["grant"], options),
            **_cost(bench, films, readers),
        },
        peers={name: figures[name] for name in others},
        ahead={name: _ahead(played[mine], played[name]) for name in others},
        plots=_plots(figures, sorted({film.script for film in films})),
    )


def _films(bench: Bench) -> list[Film]:
    """The films of the bank; what it lacks is filmed first, which takes minutes."""
    folder = folder_of(bench.loaded, BANK)
    crowd_bank.make(bench.data, bench.loaded, folder)
    return bench.sample(crowd_bank.read(folder))


def _gallery(bench: Bench, films: Sequence[Film]) -> Gallery:
    """Every second person of the films, with one template each, of the first picture."""
    archive = Archive(bench.data / "lfw-dev.tar")
    firsts = {name: own[0] for name, own in by_person(archive).items()}
    people = sorted({face.person for film in films for faces in film.faces for face in faces})[::2]
    vectors = bench.vectors(archive, [firsts[name] for name in people], "LFW-dev, enrolled")
    known = {name: vector for name in people if (vector := stored(vectors[firsts[name]])) is not None}
    templates = np.stack([embed.to_template(vector) for vector in known.values()])
    identity, spec = bench.loaded.models.embedder.identity, bench.loaded.models.embedder.spec
    return match.freeze(templates, tuple(known), identity, 1, spec.dimensions, scoring=spec.scoring)


def _figures(films: Sequence[Film], played: Sequence[Played]) -> dict[str, Value]:
    counts = [one.counts for one in played]
    figures: dict[str, Value] = {name: tracking.rate(name, counts) for name in OVERALL}
    for name in BY_SCRIPT:
        for script in sorted({film.script for film in films}):
            some = [one for film, one in zip(films, counts, strict=True) if film.script == script]
            figures[f"{name}_{script}"] = tracking.rate(name, some)
    doors = [one.door for one in played]
    decided, granted = sum(one.decided for one in doors), sum(one.granted for one in doors)
    figures["decisions_of_mixed_shots"] = metrics.wilson(sum(one.mixed for one in doors), decided)
    figures["grants_to_the_wrong_person"] = metrics.wilson(sum(one.wrong for one in doors), granted)
    figures["enrolled_let_in"] = metrics.wilson(sum(one.let_in for one in doors), sum(one.known for one in doors))
    figures["seconds_to_a_grant"] = metrics.bootstrap_mean([wait for one in doors for wait in one.waits_s])
    return figures


def _ahead(first: Sequence[Played], second: Sequence[Played]) -> dict[str, Figure]:
    mine, theirs = ([one.counts for one in played] for played in (first, second))
    return {name: tracking.ahead(name, mine, theirs) for name in OVERALL}


def _without(films: Sequence[Film], reader: Reader) -> dict[str, Value]:
    """What is left of it without one of its parts."""
    figures: dict[str, Value] = {}
    for name, options in PARTS.items():
        less = replace(reader, options=options)
        counts = [crowd_play.play(one, less).counts for one in progress(films, f"without {name}")]
        for rate in WITHOUT:
            figures[f"{rate}_without_{name}"] = tracking.rate(rate, counts)
    return figures


def _likeness(films: Sequence[Film], floor: float, options: Options) -> dict[str, Value]:
    """How often the tracker's two limits turn a visitor's own shot away, and let another's of the same film pass."""
    own, others, whose, whose_others = [], [], [], []
    for film in films:
        people = crowd_play.good_shots(film)
        for person, looks in people.items():
            for place in range(1, len(looks)):
                best = np.stack([one.vector for one in sorted(looks[:place], key=lambda one: -one.quality)[:2]])
                own.append(float((best @ looks[place].vector).max()))
                whose.append((person, person))
                for other, theirs in people.items():
                    if other != person:
                        others.append(float((best @ theirs[place % len(theirs)].vector).max()))
                        whose_others.append((person, other))
    limits = {"": options.track.min_likeness, "_in_doubt": options.track.min_likeness_in_doubt}
    figures: dict[str, Value] = {}
    for name, part in limits.items():
        below, above = np.array(own) < part * floor, np.array(others) >= part * floor
        figures[f"own_shots_turned_away{name}"] = metrics.rate_by_person(below, whose)
        figures[f"shots_of_others_passed{name}"] = metrics.rate_by_person(above, whose_others)
    return figures


def _cost(bench: Bench, films: Sequence[Film], readers: Mapping[str, Reader]) -> dict[str, Value]:
    """Processor time of tracking, evidence and judging, by face, in times of an embedding, in one race."""
    embedder = bench.loaded.models.embedder
    random = np.random.default_rng(0)
    spec = embedder.spec
    chip: Pixels = random.integers(0, 256, (spec.height_px, spec.width_px, 3), np.uint8)
    some = films[:: max(1, len(films) // 24)]
    runners: dict[str, Callable[[Film], object]] = {
        name: partial(_replay, reader=reader) for name, reader in readers.items()
    }
    times = race({**runners, "embed": lambda _: embed.embed(chip, embedder)}, some, "time")
    faces = np.array([sum(len(looks) for looks in film.looks) for film in some])
    by_face = {name: [t / n for t, n in zip(times[name], faces, strict=True)] for name in runners}
    figures: dict[str, Value] = {
        f"time_a_face_in_embeddings_{name.replace(' ', '_')}": ratio(by_face[name], times["embed"]) for name in runners
    }
    return figures | {"ms_a_face_here": metrics.bootstrap_mean([1000 * one for one in by_face["ours"]])}


def _replay(film: Film, reader: Reader) -> object:
    return crowd_play.play(film, reader, score=False)


def _plots(figures: Mapping[str, Mapping[str, Value]], scripts: Sequence[str]) -> dict[str, Plot]:
    says = {
        "switches_per_person": "Identity switches a hundred people, by what happens in the film.",
        "idf1": "IDF1, %: faces that are told by the one track that stands for the person.",
    }
    groups = {
        name: {
            script or "all films": {
                tracker: one for tracker, of in figures.items() if isinstance(one := of[_key(name, script)], Figure)
            }
            for script in ("", *scripts)
        }
        for name in BY_SCRIPT
    }
    return {
        name.split("_", maxsplit=1)[0]: Plot(says=says[name], draw=partial(plots.dots, groups[name], says[name]))
        for name in BY_SCRIPT
    }


def _key(name: str, script: str) -> str:
    return f"{name}_{script}" if script else name
