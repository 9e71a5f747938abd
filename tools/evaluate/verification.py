"""Is it the same person? LFW's pairs, by the method of Huang et al. (LFW, 2007), View 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from tools import metrics
from tools.datasets import Archive
from tools.evaluate import plots
from tools.evaluate.acquire import (
    Bench,
    Plot,
    Report,
    Value,
    Vectors,
    person_of,
    progress,
    similarity,
    stored,
    under_two_names,
)
from tools.metrics import Pairs
from tools.peers import EMBEDDERS, PeerEmbedder, PeerMissing, build_embedder


def lfw(bench: Bench) -> Report:
    """Verification on LFW's pairs, and the thresholds that all impostor pairs of the set give."""
    archive = Archive(bench.data / "lfw-dev.tar")
    rows = bench.sample(archive.rows("pairs.csv"))
    names = sorted({row[side] for row in rows for side in ("file_a", "file_b")})
    found = bench.vectors(archive, [f"images/{name}" for name in names], "LFW-dev")
    floats = {name: found[f"images/{name}"] for name in names}
    templates = {name: stored(vector) for name, vector in floats.items()}
    pairs, floor = lfw_pairs(rows, templates), bench.loaded.floor
    lost = sum(vector is None for vector in templates.values())
    figures = {
        **metrics.verification(pairs),
        "failure_to_acquire": metrics.wilson(lost, len(names)),
        **_thresholds(templates, pairs),
        "template_minus_float": metrics.verification_ahead(pairs, lfw_pairs(rows, floats))["accuracy"],
    }
    peers, remarks = _peers(bench, archive, names)
    theirs = {key: lfw_pairs(rows, vectors) for key, vectors in peers.items()}
    sets = {"edgeface": pairs, **theirs}
    return Report(
        figures=figures,
        peers={key: metrics.verification(one) | _thresholds(peers[key], one) for key, one in theirs.items()},
        ahead={key: metrics.verification_ahead(pairs, one) for key, one in theirs.items()},
        plots={
            "roc": Plot(says="ROC of LFW-dev's pairs.", draw=partial(plots.roc, sets, floor)),
            "det": Plot(says="The same as DET, both axes logarithmic.", draw=partial(plots.det, sets, floor)),
            "scores": Plot(says="Scores of LFW-dev's pairs, ours.", draw=partial(plots.scores, pairs, floor)),
        },
        remarks=(*under_two_names(names), *remarks),
    )


def _peers(bench: Bench, archive: Archive, names: Sequence[str]) -> tuple[dict[str, Vectors], tuple[str, ...]]:
    """Templates by every peer that can run, from the same faces and landmarks; why the others could not."""
    loaded: dict[str, PeerEmbedder] = {}
    remarks: list[str] = []
    for key in EMBEDDERS if bench.peers else ():
        assert bench.peers is not None
        try:
            loaded[key] = build_embedder(key, bench.peers, 1)
        except PeerMissing as reason:
            remarks.append(str(reason))
    found: dict[str, dict[str, np.ndarray | None]] = {key: {} for key in loaded}
    for name in progress(names if loaded else [], "LFW-dev, peers"):
        face = bench.face(archive, f"images/{name}")
        pixels = archive.picture(f"images/{name}")
        for key, peer in loaded.items():
            chip = None if face is None else peer.cut_ours(pixels, face.landmarks)
            found[key][name] = None if chip is None else stored(peer.embed(chip))
    return dict(found), tuple(remarks)


def lfw_pairs(rows: Sequence[Mapping[str, str]], vectors: Vectors, seconds: Vectors | None = None) -> Pairs:
    """The rows of LFW's pairs.csv with the similarity of their two pictures.

    `seconds`: other vectors for the second pictures, made after something was done to them.
    """
    others = vectors if seconds is None else seconds
    return Pairs(
        scores=np.array([similarity(vectors[row["file_a"]], others[row["file_b"]]) for row in rows]),
        same=np.array([row["same"] == "1" for row in rows]),
        fold=np.array([int(row["fold"]) for row in rows]),
        people=tuple((person_of(row["file_a"]), person_of(row["file_b"])) for row in rows),
    )


def _thresholds(vectors: Vectors, pairs: Pairs) -> dict[str, Value]:
    """Cosine thresholds at false match rates over every pair of different people, and what they cost the right ones."""
    kept = {name: vector for name, vector in vectors.items() if vector is not None}
    matrix, owners = np.stack(list(kept.values())), np.array([person_of(name) for name in kept])
    upper = np.triu(owners[:, None] != owners[None, :])
    impostors = (matrix @ matrix.T)[upper].astype(np.float64)
    mated, people = pairs.scores[pairs.same], [one for one, same in zip(pairs.people, pairs.same, strict=True) if same]
    found: dict[str, Value] = {"impostor_pairs": float(len(impostors))}
    for text, fmr in (("1e-3", 1e-3), ("1e-4", 1e-4), ("1e-5", 1e-5)):
        threshold = metrics.threshold_at_fmr(impostors, fmr)
        found[f"threshold_at_fmr_{text}"] = threshold
        found[f"fnmr_at_fmr_{text}"] = metrics.rate_by_person(mated < threshold, people)
    return found
