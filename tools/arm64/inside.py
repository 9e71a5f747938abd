"""Runs on either side, with nothing but the wheel: every number that a reader's work rests on, into one file.

    python inside.py SHOTS OUT.npz HOME     SHOTS: a folder with a folder of PNG files for each person

Arrays are named "model/<name>/..." for models on pictures of chance, "stage/<stage>/..." for the way from a picture to
a template, and "said" holds what golden probes, enrolment and decisions came to, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import edgeface
from edgeface import detect, embed, image, pipeline
from edgeface.adapters import manifest, tflite
from edgeface.frame import Frame, Instant, Pixels
from edgeface.service.bootstrap import Loaded, load_models
from edgeface.service.settings import Config

CHANCE = 24
"""Pictures of chance for each model: half noise, half smooth, so that both ends of the range are met."""

FPS = 10.0


def main() -> None:
    shots, out, home = (Path(word) for word in sys.argv[1:4])
    loaded = load_models(home)
    people = {folder.name: read(folder) for folder in sorted(shots.iterdir())}
    arrays: dict[str, Any] = {}
    arrays |= dict(on_chance(home))
    arrays |= dict(on_shots([picture for pictures in people.values() for picture in pictures], loaded))
    proofs = zip(loaded.used, loaded.findings, strict=True)
    said = {
        "golden": {model.spec.name: finding.proof.value for model, finding in proofs},
        "kernels": {model.spec.name: model.kernels for model in loaded.used},
        "decided": main_job(home, people),
    }
    np.savez_compressed(out, said=np.array(json.dumps(said)), **arrays)


def read(folder: Path) -> list[Pixels]:
    """The pictures of one person."""
    return [image.read(path) for path in sorted(folder.iterdir())]


def on_chance(home: Path) -> Iterator[tuple[str, Any]]:
    """Each model's outputs, as its file gives them."""
    for entry in manifest.chosen(home).entries():
        model, spec = tflite.load(entry.spec, entry.folder), entry.spec
        for number in range(CHANCE):
            rows = model.raw(of_chance(number, spec.width_px, spec.height_px)[None])
            yield f"model/{spec.name}/{number:02}", np.concatenate([row.reshape(-1) for row in rows])


def of_chance(number: int, width_px: int, height_px: int) -> Pixels:
    """uint8 (height, width, 3); the same everywhere, as it is made of whole numbers."""
    dice = np.random.default_rng(number)
    if number % 2:
        return dice.integers(0, 256, (height_px, width_px, 3), np.uint8)
    blocks = dice.integers(0, 256, (-(-height_px // 16), -(-width_px // 16), 3), np.uint8)
    return blocks.repeat(16, axis=0).repeat(16, axis=1)[:height_px, :width_px]


def on_shots(pictures: list[Pixels], loaded: Loaded) -> Iterator[tuple[str, Any]]:
    """What each stage makes of pictures with a face."""
    models, options = loaded.models, Config().pipeline()
    looking = options.detect
    for number, pixels in enumerate(pictures):
        canvas, placed = detect.prepare(pixels, models.detector.spec, looking)
        yield f"stage/picture, scaled for the detector/{number:02}", canvas
        outputs = models.detector.infer(canvas)
        yield f"stage/detector's outputs/{number:02}", np.concatenate([one.reshape(-1) for one in outputs])
        found = detect.decode(outputs, placed, models.detector.spec, looking)[0]
        yield f"stage/landmarks, pixels/{number:02}", found.landmarks
        view = pipeline.examine(pixels, found, models, options)
        looks = view.pose
        yield f"stage/head pose, degrees/{number:02}", np.array([looks.yaw_deg, looks.pitch_deg, looks.roll_deg])
        yield f"stage/aligned face/{number:02}", view.chip
        yield f"stage/quality score, 0..100/{number:02}", np.array([view.quality.score])
        vector = embed.embed(view.chip, models.embedder).vector
        yield f"stage/embedding/{number:02}", vector
        yield f"stage/template/{number:02}", embed.to_template(vector)


def main_job(home: Path, people: dict[str, list[Pixels]]) -> list[dict[str, Any]]:
    """The first person is enrolled from one picture; then everybody walks up to the door."""
    told = []
    with edgeface.open(home) as faces:
        first = next(iter(people))
        faces.enrol(first, [people[first][0]], consent_by="proof")
        names = {person.id: person.name for person in faces.people}
        for name, pictures in people.items():
            for decision in faces.decide(film(pictures), film_time=True):
                score = None if decision.score is None else float(decision.score)
                person = names.get(decision.person_id or "")
                told.append({"who": name, "outcome": decision.outcome.value, "person": person, "score": score})
    return told


def film(pictures: list[Pixels]) -> Iterator[Frame]:
    """Frames of somebody who walks up."""
    start = time.monotonic_ns()
    for number, pixels in enumerate(pictures):
        shift = round(number / FPS * 1e9)
        moment = Instant(monotonic_ns=start + shift, wall_ns=1_800_000_000 * 10**9 + shift, wall_trusted=True)
        yield Frame(pixels=pixels, camera="proof", sequence=number, captured_at=moment)


if __name__ == "__main__":
    main()
