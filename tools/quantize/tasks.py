"""What int8 costs at the task itself: one measurement, with the float file and with the int8 file in the reader."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeface import detect, image
from edgeface.adapters.tflite import TfliteModel
from edgeface.detect import Detection
from edgeface.embed import Embedder
from edgeface.frame import Pixels
from edgeface.model import Layout, ModelSpec, Tensor
from edgeface.service.bootstrap import load_models
from tools import metrics
from tools.datasets import Archive
from tools.evaluate import boxes
from tools.evaluate.acquire import Bench, Value, progress, stored
from tools.evaluate.verification import lfw_pairs
from tools.metrics import Figure, Pairs
from tools.peers.detectors import Find

Measured = dict[str, dict[str, Value]]
"""By figure: its value for "float" and "int8", and "difference", int8 minus float on the same pictures."""


def compare(task: str, data: Path, spec: ModelSpec, float_file: Path, int8_file: Path, home: Path) -> Measured:
    """Task accuracy of both files. `data`: folder of the development sets; `home` gives the reader's other model."""
    return TASKS[task](data, spec, (float_file, int8_file), home)


def model_of(spec: ModelSpec, file: Path) -> TfliteModel:
    """A file as the reader runs it, whatever digest the manifest names."""
    content = file.read_bytes()
    return TfliteModel(replace(spec, sha256=hashlib.sha256(content).hexdigest()), content)


def find_with(spec: ModelSpec, file: Path) -> Find:
    """A detector of one fixed input size, by the reader's own steps before and after."""
    model, options = model_of(spec, file), detect.Options(min_score=boxes.LOWEST_SCORE)

    def find(pixels: Pixels) -> tuple[Detection, ...]:
        canvas, placed = image.fit_to(pixels, spec.width_px, spec.height_px)
        outputs = model(canvas)
        maps = tuple(_map(one) for one in outputs) if spec.layout is Layout.YUNET else outputs
        return detect.decode(maps, placed, spec, options)

    return find


def _map(values: Tensor) -> Tensor:
    """YuNet's own file gives (1, cells, channels), the reader reads maps (1, rows, columns, channels); input square."""
    if values.ndim == 4:
        return values
    side = round(values.shape[1] ** 0.5)
    return values.reshape(1, side, side, values.shape[2])


def street(data: Path, finders: Sequence[Find], limit: int | None = None) -> list[list[boxes.Scored]]:
    """What each detector finds on boxes-dev's held-out pictures, the first `limit` of them."""
    archive = Archive(data / "boxes-dev.tar")
    truth = boxes.labelled(archive)
    names = sorted(name for name in truth if boxes.held_out(name))[:limit]
    found: list[list[boxes.Scored]] = [[] for _ in finders]
    for name in progress(names, "boxes-dev"):
        pixels = archive.picture(f"images/{name}")
        for one, find in zip(found, finders, strict=True):
            one.append(boxes.score_boxes(find(pixels), np.stack(truth[name])))
    return found


def _detector(data: Path, spec: ModelSpec, files: tuple[Path, Path], home: Path) -> Measured:
    before, after = street(data, [find_with(spec, file) for file in files])
    name = f"ap50_faces_{boxes.LARGE_PX}px_at_{spec.width_px}"
    difference = boxes.precision_ahead(after, before)
    return {name: {"float": boxes.precision(before), "int8": boxes.precision(after), "difference": difference}}


def _embedder(data: Path, spec: ModelSpec, files: tuple[Path, Path], home: Path) -> Measured:
    """LFW-dev; faces and landmarks are found once, so that nothing but the embedder differs."""
    loaded, archive = load_models(home), Archive(data / "lfw-dev.tar")
    bench = Bench(data=data, loaded=loaded)
    pairs: list[Pairs] = []
    for file in files:
        model = model_of(spec, file)
        embedder = Embedder(spec=model.spec, infer=model, identity=model.identity)
        changed = replace(loaded, models=replace(loaded.models, embedder=embedder))
        pairs.append(_pairs(replace(bench, loaded=changed, known={}), archive))
    before, after = (metrics.verification(one) for one in pairs)
    difference = metrics.verification_ahead(pairs[1], pairs[0])
    return {key: {"float": before[key], "int8": after[key], "difference": difference[key]} for key in difference}


def _pairs(bench: Bench, archive: Archive) -> Pairs:
    rows = list(archive.rows("pairs.csv"))
    names = sorted({row[side] for row in rows for side in ("file_a", "file_b")})
    found = bench.vectors(archive, [f"images/{name}" for name in names], "LFW-dev")
    return lfw_pairs(rows, {name: stored(found[f"images/{name}"]) for name in names})


def text(value: Value) -> str:
    """A figure for a person, with its interval and n."""
    return str(value) if isinstance(value, Figure | str) else f"{value:.4g}"


TASKS: dict[str, Callable[[Path, ModelSpec, tuple[Path, Path], Path], Measured]] = {
    "embedder": _embedder,
    "detector": _detector,
}
"""What to measure with a network of a kind."""
