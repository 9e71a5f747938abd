"""Which way of writing a network's PReLUs is fastest, and what it costs in int8: measured, not argued.

All candidates run in turns in one process on one thread, so that what slows the machine down slows all of them; a
candidate's time is its least, and the figure to read is its ratio to the original in the original's runtime.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeface.frame import Pixels
from tools.convert.network import Levels, Network
from tools.convert.reference import Floats, as_foreign, as_maker_and_reader_feed, runner
from tools.convert.rewrite import prepare
from tools.convert.slopes import Form
from tools.quantize import File, convert, quantize

HELD_OUT = 4
"""Every fourth picture is tested with, the others calibrate."""
SAMPLES = 24
"""Of them, to make channels alike by."""
WARM_UP = 3
"""Rounds that fill caches and are not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the network wants its pictures (see `prepare`), and how long to measure."""

    mean: Levels = 0.0
    std: Levels = 1.0
    order: str = "RGB"
    rounds: int = 100
    forms: tuple[Form, ...] = tuple(Form)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One candidate."""

    name: str
    ratio: float
    """Its time over that of the original in the original's runtime; below 1 is faster."""
    cosine: float
    """Mean cosine to the original over the test pictures, the outputs end to end, -1..1."""
    pieces: int
    """That XNNPACK runs, 1 being all of it; 0 for the original."""
    float_tensors: int
    """0: int8 throughout."""
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    name: str
    outputs: list[Floats]
    step: Callable[[], object]
    file: File | None
    path: Path


def study(path: Path, pixels: Pixels, options: Options) -> list[Row]:
    """Measure every form on `pixels`, uint8 (n, H, W, 3) RGB, the size of the network's input."""
    with tempfile.TemporaryDirectory() as folder:
        candidates = [
            *_originals(path, pixels, options),
            *(one for form in options.forms for one in _both(path, pixels, options, form, Path(folder))),
        ]
        times = _race([one.step for one in candidates], options.rounds)
        return [_row(one, candidates[0], least, times[0]) for one, least in zip(candidates, times, strict=True)]


def table(rows: Sequence[Row]) -> str:
    """The rows, for people."""
    lines = [f"{'form':16}{'time':>8}{'cosine':>9}{'pieces':>8}{'float':>7}{'bytes':>12}"]
    for row in rows:
        lines.append(
            f"{row.name:16}{row.ratio:8.2f}{row.cosine:9.5f}{row.pieces:8}{row.float_tensors:7}{row.size_bytes:12,}"
        )
    return "\n".join(lines)


def _originals(path: Path, pixels: Pixels, options: Options) -> list[_Candidate]:
    network = _prepared(path, options, Form.KEEP)
    made, _ = as_maker_and_reader_feed(list(pixels[::HELD_OUT]), network, options.mean, options.std)
    run = runner(path, network)
    outputs = [_flat(run(one)) for one in made]
    return [_Candidate(name="original", outputs=outputs, step=lambda: run(made[0]), file=None, path=path)]


def _both(path: Path, pixels: Pixels, options: Options, form: Form, folder: Path) -> list[_Candidate]:
    """A form in float and in int8."""
    network = _prepared(path, options, form, [one for index, one in enumerate(pixels) if index % HELD_OUT][:SAMPLES])
    _, read = as_maker_and_reader_feed(list(pixels), network, options.mean, options.std)
    float_file, int8_file = folder / f"{form}.float.tflite", folder / f"{form}.int8.tflite"
    convert(network.module, read[0], float_file)
    quantize(float_file, [one for index, one in enumerate(read) if index % HELD_OUT], int8_file)
    tests = read[::HELD_OUT]
    return [_candidate(f"{form} float", float_file, tests), _candidate(f"{form} int8", int8_file, tests)]


def _prepared(path: Path, options: Options, form: Form, samples: Sequence[Pixels] = ()) -> Network:
    return prepare(path, mean=options.mean, std=options.std, order=options.order, form=form, samples=samples)


def _candidate(name: str, path: Path, tests: Sequence[Floats]) -> _Candidate:
    file = File(path)
    outputs = [_flat(as_foreign(file.run)(one)) for one in tests]
    return _Candidate(name=name, outputs=outputs, step=file.interpreter.invoke, file=file, path=path)


def _flat(outputs: Sequence[Floats]) -> Floats:
    return np.concatenate([one.ravel() for one in outputs])


def _race(steps: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Least seconds of each."""
    times = np.array([[_seconds(step) for step in steps] for _ in range(WARM_UP + rounds)])
    return [float(least) for least in times[WARM_UP:].min(axis=0)]


def _seconds(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _row(one: _Candidate, original: _Candidate, least: float, reference: float) -> Row:
    return Row(
        name=one.name,
        ratio=least / reference,
        cosine=float(np.mean([_cosine(*pair) for pair in zip(original.outputs, one.outputs, strict=True)])),
        pieces=one.file.delegates() if one.file else 0,
        float_tensors=one.file.float_tensors() if one.file else 0,
        size_bytes=one.path.stat().st_size,
    )


def _cosine(first: Floats, second: Floats) -> float:
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
