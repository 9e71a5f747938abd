"""What a swapped track could do: a visitor begins it, a stranger ends it. And what the guard against it costs.

    python -m tools.studies.swap --data DATA

Visits are made up of LFW-dev people with four or more pictures: one enrols, the others are shots. In a swapped visit
one or two shots of the enrolled person are followed by shots of somebody else, and any grant from then on is wrong. The
fused shots alone, against these together with the newest shot (`edgeface.decide`).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edgeface.decide import Options
from edgeface.model import Tensor
from edgeface.service.bootstrap import load_models
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, person_of

Scores = list[tuple[float, float]]

SHOTS = 6
VISITS = 40
"""Of each person, of each kind."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    arguments = parser.parse_args()
    loaded = load_models(arguments.home)
    people = _people(Bench(data=arguments.data, loaded=loaded))
    random, needed = np.random.default_rng(0), Options().min_shots
    honest = [_grants(scores, loaded.floor, needed) for scores in _visits(people, random)]
    swapped = [_grants(scores, loaded.floor, max(needed, at + 1)) for scores, at in _swaps(people, random)]
    granted = [(mean, newest) for mean, newest in honest if mean]
    delays = [newest - mean for mean, newest in granted if newest]
    print(f"{len(people)} people, threshold {loaded.floor:g}")
    print(
        f"swapped visits: {len(swapped)}; granted wrongly by all shots together {sum(bool(m) for m, _ in swapped)}, ",
        end="",
    )
    print(f"by these and the newest shot {sum(bool(n) for _, n in swapped)}")
    print(f"honest visits granted by all shots together: {len(granted)} of {len(honest)}; the guard ", end="")
    print(f"loses {sum(not newest for _, newest in granted)} and delays the others by {np.mean(delays):.2f} shots")


def _people(bench: Bench) -> dict[str, list[Tensor]]:
    archive = Archive(bench.data / "lfw-dev.tar")
    found: dict[str, list[Tensor]] = defaultdict(list)
    for name, vector in bench.vectors(archive, archive.names("images/"), "LFW-dev").items():
        if vector is not None:
            found[person_of(name)].append(vector)
    return {person: vectors for person, vectors in found.items() if len(vectors) >= 4}


def _visits(people: dict[str, list[Tensor]], random: np.random.Generator) -> Iterator[Scores]:
    """(cosine of all shots so far together, cosine of the newest) by shot; repeated where a person has few pictures."""
    for own in people.values():
        for _ in range(VISITS):
            enrolled, *shots = (own[i] for i in random.permutation(len(own)))
            yield _scores([shots[i % len(shots)] for i in range(SHOTS)], enrolled)


def _swaps(people: dict[str, list[Tensor]], random: np.random.Generator) -> Iterator[tuple[Scores, int]]:
    """The same with somebody else from the second or third shot on, and how many shots were honest."""
    names = list(people)
    for name, own in people.items():
        for _ in range(VISITS):
            other = people[names[(names.index(name) + int(random.integers(1, len(names)))) % len(names)]]
            enrolled, *shots = (own[i] for i in random.permutation(len(own)))
            honest = int(random.integers(1, 3))
            stranger = [other[int(random.integers(len(other)))] for _ in range(SHOTS - honest)]
            yield _scores([*shots[:honest], *stranger], enrolled), honest


def _scores(shots: Sequence[Tensor], enrolled: Tensor) -> Scores:
    sums = np.cumsum(shots, axis=0)
    together = (sums / np.linalg.norm(sums, axis=1, keepdims=True)) @ enrolled
    return list(zip(together.tolist(), (np.stack(shots) @ enrolled).tolist(), strict=True))


def _grants(scores: Scores, floor: float, first: int) -> tuple[int, int]:
    """Number of the shot that grants, from `first` on: by all together, and with the newest shot; 0 if none does."""
    enough = [shot for shot in range(first, len(scores) + 1) if scores[shot - 1][0] >= floor]
    agree = [shot for shot in enough if scores[shot - 1][1] >= floor]
    return (enough[0] if enough else 0, agree[0] if agree else 0)


if __name__ == "__main__":
    main()
