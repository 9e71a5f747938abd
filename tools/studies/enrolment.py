"""How many templates a person needs, which to choose, and what the checks at enrolment find and cost.

    python -m tools.studies.enrolment --data DATA

LFW-dev people with four or more usable pictures. Each one's pictures are split at random, some to enrol from and two
to probe with, ten times over. A morph is stood for by the mean of two people's embeddings, made
without any picture: morphed pictures were not tried. Writes models/enrolment.md.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from edgeface import image
from edgeface.embed import unit
from edgeface.enrol import Bin, Guided, Portrait, agreement, bars, bin_of, choose, portrait
from edgeface.enrol.session import Session, Stage, advance, begin
from edgeface.frame import Instant
from edgeface.match import compared
from edgeface.model import ModelSpec, Scoring, Tensor
from edgeface.pipeline import Options, turned
from edgeface.pose import TURNED_DEG
from edgeface.service.bootstrap import Loaded, load_models
from tools.comparisons import gallery_of
from tools.datasets import Archive
from tools.evaluate.acquire import central_face, person_of, progress
from tools.metrics import Figure, rate_by_person
from tools.page import write_section

PAGE = Path("models/enrolment.md")
SIZES = (1, 2, 3, 5, 8)
SPLITS = 10
PROBES = 2
CROWDS = (10, 100, 1000)
"""People enrolled, where somebody new comes."""
Sets = dict[str, list[Portrait]]
Rows = Iterable[tuple[str, Figure]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with lfw-dev.tar and london-cc-by.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    loaded = load_models(arguments.home)
    everybody, tried = _look(Archive(arguments.data / "lfw-dev.tar"), loaded)
    sets = {who: shots for who, shots in everybody.items() if len(shots) >= 4}
    spec = loaded.models.embedder.spec
    levels = bars(spec)
    write_section(arguments.page, "Templates", _templates_section(sets, levels.same, spec.scoring))
    rows = [*_consistency(sets, levels.apart), *_morphs(sets, levels.same, spec.scoring)]
    write_section(arguments.page, "Checks", [*_table("check", rows), "", _MORPHS])
    write_section(arguments.page, "New among many", _new_section(everybody, spec))
    write_section(arguments.page, "Guided", [_GUIDED, "", *_table("what comes next", _stepping_in(sets, levels.apart))])
    london = Archive(arguments.data / "london-cc-by.tar")
    write_section(arguments.page, "Where a head points", _pose_section(london, loaded))
    usable = sum(len(shots) for shots in everybody.values())
    print(f"{usable} of {tried} pictures pass the gate; {arguments.page} is written")


_MORPHS = """\
A mean embedding stands for a morphed picture; pictures morphed by hand were not tried. If neither person is enrolled
yet, a single morphed picture is not found."""
_GUIDED = """\
A guided enrolment (`edgeface enrol NAME --guided`) that has seen somebody twice from the front. One picture in doubt
ends nothing, three in a row do. LFW-dev's heads hardly turn: further to the side both are harder."""


def _look(archive: Archive, loaded: Loaded) -> tuple[Sets, int]:
    """Everybody's pictures that may be enrolled, and of how many."""
    names, sets = archive.names("images/"), defaultdict[str, list[Portrait]](list)
    for name in progress(names, "LFW-dev"):
        found = portrait(image.decode(archive.read(name)), loaded.models, Options())
        if isinstance(found, Portrait):
            sets[person_of(name)].append(found)
    return dict(sets), len(names)


def _pose_section(london: Archive, loaded: Loaded) -> list[str]:
    """Whether people who look straight ahead are seen to do so, and how much of an error is their own."""
    pitch: dict[str, list[float]] = defaultdict(list)
    off = 0
    names = [name for name in london.names() if name.endswith(".jpg")]
    for name in progress(names, "London set"):
        pixels = london.picture(name)
        face = central_face(pixels, loaded.models)
        if face is not None:
            pose = turned(pixels, face, loaded.models)
            off += bin_of(pose) is not Bin.FRONTAL
            pitch[Path(name).name.split("_")[0]].append(pose.pitch_deg)
    pairs = np.array([both for both in pitch.values() if len(both) == 2])
    low, high = np.percentile(TURNED_DEG - pairs.mean(axis=1), [2.5, 97.5])
    within = float(np.sqrt(np.mean((pairs[:, 0] - pairs[:, 1]) ** 2) / 2))
    return [
        f"Of {pairs.size} frontal pictures of {len(pairs)} people (Face Research Lab London Set, CC BY 4.0) {off} are "
        f"seen in another bin than frontal. Their pitch deviates by {pairs.std():.1f} degrees, by {within:.1f} between "
        f"a person's two pictures, and correlates with {np.corrcoef(pairs.T)[0, 1]:.2f}: it is the person's own. With "
        f"bins that begin at {TURNED_DEG:g} degrees for everybody some would have to lift the chin by {low:.0f} and "
        f"others by {high:.0f} (95 of 100 people lie between). So a guided enrolment counts up and down from where the "
        "person looked ahead: then all do as much, but for what two pictures differ by.",
    ]


def _table(what: str, rows: Rows) -> list[str]:
    return [f"| {what} | rate |", "|---|---|", *(f"| {said} | {_said(figure)} |" for said, figure in rows)]


def _said(figure: Figure) -> str:
    return f"{figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}], n = {figure.n}"


def _templates_section(sets: Sets, same: float, scoring: Scoring | None) -> list[str]:
    rows = []
    for least in (SIZES[-2] + PROBES + 1, SIZES[-1] + PROBES + 1):
        enough = {who: shots for who, shots in sets.items() if len(shots) >= least}
        found = {(size, way): missed for size, way, missed in _templates(enough, same, least - PROBES - 1, scoring)}
        rows += [
            f"| {size} | {_said(found[size, 'random'])} | {_said(found[size, 'chosen'])} | {len(enough)} |"
            for size in dict.fromkeys(size for size, _ in found)
        ]
    return [
        f"FNMR of single probes at {same:g}; {SPLITS} random splits of everybody's pictures. The intervals of random "
        "and chosen overlap. What more templates cost in false matches is not measured here.",
        "",
        "| templates | random pictures | chosen | people |",
        "|---|---|---|---|",
        *rows,
    ]


def _new_section(everybody: Sets, spec: ModelSpec) -> list[str]:
    card = bars(spec).same
    rows = []
    for size in (size for size in CROWDS if size < len(everybody)):
        same = bars(spec, size).same
        refused, found = _new(everybody, size, (card, same), spec.scoring)
        rows.append(f"| {size} | {same:.3f} | {_said(refused[1])} | {_said(found[1])} | {_said(refused[0])} |")
    return [
        "One picture of somebody new, or another of somebody enrolled with one. The bar grows with the number of "
        f"people enrolled (`edgeface/enrol/check.py`); the last column is at {card:g} for any number. Whoever is below "
        f"the bar is named as a look-alike from {bars(spec).alike:.3f} on.",
        "",
        f"| enrolled | bar | new, refused as enrolled | enrolled, found | new, refused at {card:g} |",
        "|---|---|---|---|---|",
        *rows,
    ]


def _new(
    everybody: Sets, size: int, levels: Sequence[float], scoring: Scoring | None
) -> tuple[list[Figure], list[Figure]]:
    """By bar: new people who are refused, and people enrolled who are found by another picture of theirs."""
    random, names = np.random.default_rng(3), list(everybody)
    firsts = np.stack([everybody[who][0].embedding.vector for who in names])
    alike = compared(firsts, gallery_of(firsts, scoring))
    near, own, again = list[float](), list[float](), list[str]()
    for place, who in enumerate(names):
        others = random.permutation(len(names) - 1)[:size]
        near.append(float(alike[place, others + (others >= place)].max()))
        if len(everybody[who]) > 1:
            own.append(_score(everybody[who][-1].embedding.vector, firsts[[place]], scoring))
            again.append(who)
    refused = [rate_by_person(np.array(near) >= level, [(who, who) for who in names]) for level in levels]
    found = [rate_by_person(np.array(own) >= level, [(who, who) for who in again]) for level in levels]
    return refused, found


def _templates(sets: Sets, same: float, most: int, scoring: Scoring | None) -> Iterator[tuple[int, str, Figure]]:
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
                    missed += [_score(probe.embedding.vector, rows, scoring) < same for probe in probes]
                    people += [(who, who)] * PROBES
            yield size, way, rate_by_person(np.array(missed), people)


def _consistency(sets: Sets, apart: float) -> Rows:
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
    yield "honest sets of three pictures refused as two people", rate_by_person(np.array(honest), owners)
    yield "sets of two people, two pictures each, taken for one", rate_by_person(np.array(mixed), pairs)


def _morphs(sets: Sets, same: float, scoring: Scoring | None) -> Rows:
    """Morphs that match a probe of both people (MMPMR, Scherhag et al., BIOSIG 2017), and those the check refuses.

    Both people are enrolled with three pictures each; the morph is made of others, the probe is another again.
    """
    enough = {who: shots for who, shots in sets.items() if len(shots) >= 5}
    works, slips, pairs = [], [], []
    rows = {who: np.stack([shot.embedding.vector for shot in shots[:3]]) for who, shots in enough.items()}
    for one, two in combinations(enough, 2):
        morph = unit(enough[one][3].embedding.vector + enough[two][3].embedding.vector)
        probes = [enough[who][4].embedding.vector for who in (one, two)]
        success = min(_score(probe, morph[None], scoring) for probe in probes) >= same
        scores = [_score(morph, rows[who], scoring) for who in (one, two)]
        works.append(success)
        slips.append(success and max(scores) < same)
        pairs.append((one, two))
    yield "MMPMR of mean embeddings of two people, no check", rate_by_person(np.array(works), pairs)
    said = "MMPMR of those the duplicate check lets pass, both people enrolled, at the bar for few"
    yield said, rate_by_person(np.array(slips), pairs)


def _stepping_in(sets: Sets, apart: float) -> Rows:
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
    yield "three good pictures of somebody else: it ends", rate_by_person(np.array(ended), pairs)
    yield "three good pictures of somebody else: one of them is taken", rate_by_person(np.array(taken), pairs)
    yield "one more picture of the same person: doubted", rate_by_person(np.array(doubted), owners)


def _guided(shots: Sequence[Portrait], apart: float) -> Session:
    """A session that is shown these pictures, a second apart."""
    times = [Instant(monotonic_ns=second * 10**9, wall_ns=0, wall_trusted=False) for second in range(len(shots) + 1)]
    session = begin(times[0])
    for shot, now in zip(shots, times[1:], strict=True):
        session = advance(session, shot, now, apart, Guided())
    return session


def _score(probe: Tensor, templates: Tensor, scoring: Scoring | None) -> float:
    """The most alike of one person's templates (n, d)."""
    return float(compared(probe, gallery_of(templates, scoring)).max())


if __name__ == "__main__":
    main()
