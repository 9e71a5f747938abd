"""How many templates a person needs, which to choose, and what the checks at enrolment find and cost.

    python -m tools.studies.enrolment --data DATA

LFW-dev people with four or more usable pictures. Each one's pictures are split at random, some to enrol from and two
to probe with, ten times over. A morph is stood for by the mean of two people's embeddings, made
without any picture: morphed pictures were not tried.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from edgeface import image
from edgeface.embed import unit
from edgeface.enrol import Bin, Guided, Portrait, agreement, bars, bin_of, choose, portrait
from edgeface.enrol.session import Session, Stage, advance, begin
from edgeface.frame import Instant
from edgeface.model import Tensor
from edgeface.pipeline import Options
from edgeface.service.bootstrap import load_models
from tools.datasets import Archive
from tools.evaluate.acquire import person_of, progress
from tools.metrics import Figure, rate_by_person

SIZES = (1, 2, 3, 5, 8)
SPLITS = 10
PROBES = 2
Sets = dict[str, list[Portrait]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    arguments = parser.parse_args()
    loaded = load_models(arguments.home)
    archive = Archive(arguments.data / "lfw-dev.tar")
    everybody: dict[str, list[str]] = defaultdict(list)
    for name in archive.names("images/"):
        everybody[person_of(name)].append(name)
    wanted = [name for names in everybody.values() if len(names) >= 4 for name in names]
    sets: Sets = defaultdict(list)
    for name in progress(wanted, "LFW-dev"):
        found = portrait(image.decode(archive.read(name)), loaded.models, Options())
        if isinstance(found, Portrait):
            sets[person_of(name)].append(found)
    print(f"{sum(map(len, sets.values()))} of {len(wanted)} pictures pass the gate")
    sets = {who: shots for who, shots in sets.items() if len(shots) >= 4}
    levels = bars(loaded.models.embedder.spec)
    print(
        f"{len(sets)} people with 4 or more; same {levels.same:.3f}, alike {levels.alike:.3f}, apart {levels.apart:.3f}"
    )
    for least in (SIZES[-2] + PROBES + 1, SIZES[-1] + PROBES + 1):
        enough = {who: shots for who, shots in sets.items() if len(shots) >= least}
        print(f"the {len(enough)} people with {least} or more pictures")
        for size, way, missed in _templates(enough, levels.same, least - PROBES - 1):
            print(f"  {size} template(s), {way}: FNMR {missed}")
    _consistency(sets, levels.apart)
    _morphs(sets, levels.same, levels.alike)
    _stepping_in(sets, levels.apart)


def _templates(sets: Sets, same: float, most: int) -> Iterator[tuple[int, str, Figure]]:
    """FNMR of single probes, of the same people for every size up to `most`; random against chosen."""
    for size in (size for size in SIZES if size <= most):
        for way in ("random", "chosen"):
            random, missed, people = np.random.default_rng(0), [], []
            for who, shots in sets.items():
                for _ in range(SPLITS):
                    order = [shots[place] for place in random.permutation(len(shots))]
                    probes, rest = order[:PROBES], order[PROBES:]
                    kept = rest[:size] if way == "random" else [rest[place] for place in choose(rest, size)]
                    rows = np.stack([shot.embedding.vector for shot in kept])
                    missed += [float((rows @ probe.embedding.vector).max()) < same for probe in probes]
                    people += [(who, who)] * PROBES
            yield size, way, rate_by_person(np.array(missed), people)


def _consistency(sets: Sets, apart: float) -> None:
    """Honest sets of three that are refused; sets of two people, two pictures and two, that are not."""
    random, people = np.random.default_rng(1), list(sets)
    honest, owners, mixed, pairs = [], [], [], []
    for who, shots in sets.items():
        for _ in range(SPLITS):
            picked = [shots[place] for place in random.permutation(len(shots))[:3]]
            other = people[(people.index(who) + int(random.integers(1, len(people)))) % len(people)]
            theirs = [sets[other][place] for place in random.permutation(len(sets[other]))[:2]]
            honest.append(agreement(picked, apart).problem is not None)
            owners.append((who, who))
            judged = agreement([*picked[:2], *theirs], apart)
            mixed.append(judged.problem is None and min(judged.together) < 2 <= max(judged.together))
            pairs.append((who, other))
    print(f"honest sets of three refused: {rate_by_person(np.array(honest), owners)}")
    print(f"sets of two people (2 + 2) taken for one: {rate_by_person(np.array(mixed), pairs)}")


def _morphs(sets: Sets, same: float, alike: float) -> None:
    """Morphs that match a probe of both people (MMPMR, Scherhag et al., BIOSIG 2017), and those the check refuses.

    Both people are enrolled with three pictures each; the morph is made of others, the probe is another again.
    """
    enough = {who: shots for who, shots in sets.items() if len(shots) >= 5}
    works, slips, warned, pairs, lone, owners = [], [], [], [], [], []
    rows = {who: np.stack([shot.embedding.vector for shot in shots[:3]]) for who, shots in enough.items()}
    for one, two in combinations(enough, 2):
        morph = unit(enough[one][3].embedding.vector + enough[two][3].embedding.vector)
        success = min(_score(enough[who][4], morph) for who in (one, two)) >= same
        scores = [float((rows[who] @ morph).max()) for who in (one, two)]
        works.append(success)
        slips.append(success and max(scores) < same)
        warned.append(success and max(scores) < alike)
        pairs.append((one, two))
    for who, shots in enough.items():
        near = [float((other @ shots[3].embedding.vector).max()) for name, other in rows.items() if name != who]
        lone.append(max(near) >= same)
        owners.append((who, who))
    print(f"MMPMR without the check: {rate_by_person(np.array(works), pairs)}")
    print(f"MMPMR with the check, both people enrolled: {rate_by_person(np.array(slips), pairs)}")
    print(f"MMPMR of those that are not even named as look-alikes: {rate_by_person(np.array(warned), pairs)}")
    print(f"honest new people refused as a duplicate, of {len(rows) - 1}: {rate_by_person(np.array(lone), owners)}")


def _stepping_in(sets: Sets, apart: float) -> None:
    """A guided enrolment that has seen somebody twice from the front: good pictures of another, or of the same person.

    Pictures count as what they show; those from the front, of which there are enough by then, are only compared.
    """
    random, people = np.random.default_rng(2), list(sets)
    taken, ended, doubted, pairs, owners = [], [], [], [], []
    for who, shots in sets.items():
        if sum(bin_of(shot.pose) is Bin.FRONTAL for shot in shots) < 2:
            continue
        for _ in range(SPLITS):
            order = [shots[place] for place in random.permutation(len(shots))]
            order.sort(key=lambda shot: bin_of(shot.pose) is not Bin.FRONTAL)
            other = people[(people.index(who) + int(random.integers(1, len(people)))) % len(people)]
            theirs = [sets[other][place] for place in random.permutation(len(sets[other]))[:3]]
            found = _guided([*order[:2], *theirs], apart)
            ended.append(found.stage is Stage.OTHER_PERSON)
            taken.append(any(one.portrait is shot for one in found.taken for shot in theirs))
            pairs.append((who, other))
            doubted += [_guided([*order[:2], shot], apart).strangers > 0 for shot in order[2:4]]
            owners += [(who, who)] * len(order[2:4])
    print(f"guided, three pictures of somebody who steps in: it ends {rate_by_person(np.array(ended), pairs)}")
    print(f"guided, one of those three is taken: {rate_by_person(np.array(taken), pairs)}")
    print(f"guided, one more picture of the same person doubted: {rate_by_person(np.array(doubted), owners)}")


def _guided(shots: Sequence[Portrait], apart: float) -> Session:
    """A session that is shown these pictures, a second apart."""
    times = [Instant(monotonic_ns=second * 10**9, wall_ns=0, wall_trusted=False) for second in range(len(shots) + 1)]
    session = begin(times[0])
    for shot, now in zip(shots, times[1:], strict=True):
        session = advance(session, shot, now, apart, Guided())
    return session


def _score(probe: Portrait, vector: Tensor) -> float:
    return float(probe.embedding.vector @ vector)


if __name__ == "__main__":
    main()
