"""`edgeface bench`: how fast is this machine?"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from edgeface import align, detect, embed, image, liveness, match, quality
from edgeface.cli.context import Context
from edgeface.detect import Detection, PixelBox
from edgeface.frame import Pixels
from edgeface.pipeline import Models, Options, turned, unified_score
from edgeface.service.bootstrap import load_models

STAGES = ("detect", "pose", "align", "quality", "liveness", "embed", "match", "all")


@click.command(short_help="Time every stage on this machine.")
@click.argument("picture", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--rounds", type=click.IntRange(5, 10_000), default=50, show_default=True, help="Timed repetitions.")
@click.option("--people", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="Gallery size.")
@click.option("--threads", type=click.IntRange(1, 16), help="Threads a model may use; default: the configuration's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def bench(context: Context, picture: Path | None, rounds: int, people: int, threads: int | None, as_json: bool) -> None:
    """Time each stage from picture to match, on PICTURE or on a synthetic 1280x720 frame with one face-sized region.

    Prints median and 95th percentile in milliseconds, and resident memory. The times tell about this machine and
    moment; to compare edgeface with other programs, use tools/benchmark, which runs them side by side.
    """
    config = context.config()
    loaded = load_models(context.home, replace(config.run, threads=threads or config.run.threads))
    pixels = image.read(picture) if picture else _synthetic()
    times = _measure(pixels, loaded.models, config.pipeline(), rounds, people)
    report = {
        "kernels": {model.spec.task.value: model.kernels for model in loaded.used},
        "picture": [pixels.shape[1], pixels.shape[0]],
        "rounds": rounds,
        "people": people,
        "ms": {stage: _summary(times[stage]) for stage in STAGES},
        "resident_mb": round(resident_mb(), 1),
    }
    click.echo(json.dumps(report) if as_json else _text(report))


def resident_mb() -> float:
    """Resident memory of this process, MB, from /proc."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status has no VmRSS line")


def _measure(pixels: Pixels, models: Models, options: Options, rounds: int, people: int) -> dict[str, list[float]]:
    face = _first_face(pixels, models, options)
    spec = models.embedder.spec
    vectors = np.random.default_rng(0).integers(-127, 128, (people, spec.dimensions), np.int8)
    names = tuple(str(index) for index in range(people))
    gallery = match.freeze(vectors, names, models.embedder.identity, 0, spec.dimensions, scoring=spec.scoring)
    angles = turned(pixels, face, models)
    chip = align.chip(pixels, face.landmarks, models.embedder.spec)
    probe = embed.embed(chip, models.embedder)
    stages: dict[str, Callable[[], Any]] = {
        "detect": lambda: detect.detect(pixels, models.detector, options.detect),
        "pose": lambda: turned(pixels, face, models),
        "align": lambda: align.chip(pixels, face.landmarks, models.embedder.spec),
        "quality": lambda: quality.assess(
            pixels, face, angles, options.quality, unified_score(pixels, face, chip, models)
        ),
        "liveness": lambda: models.liveness and liveness.assess(pixels, face, models.liveness, options.liveness),
        "embed": lambda: embed.embed(chip, models.embedder),
        "match": lambda: match.match(probe, gallery),
    }
    return _timed(stages, rounds)


def _timed(stages: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for round_number in range(rounds + 3):
        spent = {}
        for stage, work in stages.items():
            begun = time.perf_counter()
            work()
            spent[stage] = 1000 * (time.perf_counter() - begun)
        if round_number >= 3:  # the first rounds fill caches
            for stage, value in {**spent, "all": sum(spent.values())}.items():
                times[stage].append(value)
    return times


def _first_face(pixels: Pixels, models: Models, options: Options) -> Detection:
    """The strongest face, or the middle of the picture, so that every stage has work."""
    found = detect.detect(pixels, models.detector, options.detect)
    if found:
        return found[0]
    height, width = pixels.shape[:2]
    side = min(height, width) / 3
    points = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32) * np.float32(side)
    left, top = (width - side) / 2, (height - side) / 2
    return Detection(
        box=PixelBox(x=left, y=top, w=side, h=side),
        landmarks=points + np.array([left, top], np.float32),
        score=0.0,
        angles_deg=None,
    )


def _synthetic() -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)


def _summary(times: list[float]) -> dict[str, float]:
    return {"p50": round(float(np.percentile(times, 50)), 3), "p95": round(float(np.percentile(times, 95)), 3)}


def _text(report: dict[str, Any]) -> str:
    rows = [f"{'stage':8} {'median ms':>10} {'p95 ms':>10}"]
    rows += [f"{stage:8} {ms['p50']:10.2f} {ms['p95']:10.2f}" for stage, ms in report["ms"].items()]
    kernels = ", ".join(dict.fromkeys(report["kernels"].values()))
    rows.append(f"resident memory {report['resident_mb']} MB; kernels {kernels}")
    return "\n".join(rows)
