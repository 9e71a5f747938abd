"""What judging costs beside looking: quality, tracking and evidence of one face, in times of its embedding."""

from __future__ import annotations

import numpy as np

from edgeface import align, embed, evidence, match, pipeline, quality, track
from edgeface.detect import Detection
from edgeface.frame import Instant, Pixels
from tools import metrics
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, Value
from tools.evaluate.budget import OURS, race, ratio, spread

PEOPLE = 100
"""In the gallery."""
Face = tuple[Pixels, Detection]


def cost(bench: Bench) -> dict[str, Value]:
    """Processor time a face, one thread, in one race with the embedder."""
    archive, models = Archive(bench.data / "lfw-dev.tar"), bench.loaded.models
    names = bench.sample(spread(archive.names("images/")))
    found = [(archive.picture(name), face) for name in names if (face := bench.face(archive, name)) is not None]
    spec, options = models.embedder.spec, pipeline.Options()
    random = np.random.default_rng(0)
    rows = random.integers(-127, 128, (PEOPLE, spec.dimensions)).astype(np.int8)
    names = tuple(f"p{i}" for i in range(PEOPLE))
    people = match.freeze(rows, names, models.embedder.identity, 1, spec.dimensions, scoring=spec.scoring)
    chips = {id(pixels): align.chip(pixels, face.landmarks, spec) for pixels, face in found}
    probes = {id(pixels): embed.embed(chips[id(pixels)], models.embedder) for pixels, _ in found}
    views = {id(pixels): pipeline.examine(pixels, face, models, options) for pixels, face in found}
    at = Instant(monotonic_ns=10**9, wall_ns=0, wall_trusted=False)
    later = Instant(monotonic_ns=11 * 10**8, wall_ns=0, wall_trusted=False)

    def assess(face: Face) -> object:
        pixels, detection = face
        score = pipeline.unified_score(pixels, detection, chips[id(pixels)], models)
        return quality.assess(pixels, detection, views[id(pixels)].pose, options.quality, score)

    def follow(face: Face) -> object:
        before, _ = track.follow((), (face[1],), at, options.track, 1)
        return track.follow(before, (face[1],), later, options.track, 2)

    def judge(face: Face) -> object:
        view, probe = views[id(face[0])], probes[id(face[0])]
        belief = evidence.add(evidence.begin(at), view.quality, view.pose, match.match(probe, people), later)
        return evidence.weigh(belief, people) or belief

    runners = {
        OURS: lambda face: embed.embed(chips[id(face[0])], models.embedder),
        "quality": assess,
        "tracking": follow,
        "evidence": judge,
    }
    times = race(runners, found, "cost of a face")
    together = [sum(parts) for parts in zip(times["quality"], times["tracking"], times["evidence"], strict=True)]
    figures: dict[str, Value] = {
        f"{name}_in_embeddings": ratio(times[name], times[OURS]) for name in ("quality", "tracking", "evidence")
    }
    figures["all_three_in_embeddings"] = ratio(together, times[OURS])
    figures["all_three_ms_on_this_machine"] = metrics.bootstrap_mean([1000 * one for one in together])
    return figures
