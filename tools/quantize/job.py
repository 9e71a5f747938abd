"""One network from its source to an int8 file, and everything that is worth knowing about the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import nn

from tools.quantize import aware, files, layers
from tools.quantize.files import File, Latency
from tools.quantize.fitness import DOUBTFUL, PARITY, Report, Unfit, faults, island_lines, loss_lines, losses, measure
from tools.quantize.inputs import Inputs
from tools.quantize.layers import Noise
from tools.quantize.ptq import COVERAGE, convert, quantize
from tools.quantize.sources import Source, foreign_parity
from tools.quantize.tasks import Measured

NO_HELP = "tuning did not lower the noise on the inputs held out: the untuned file is kept"
TESTS = 32
"""Inputs that outputs are compared on, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to quantize."""

    tune: aware.Options | None = None
    """Fine-tune for int8 first; None: only calibrate."""
    allow_islands: bool = False
    """Ship what XNNPACK does not run in one piece, with a warning."""
    allow_loss: bool = False
    """Ship outputs that int8 changed beyond `fitness.SOUND`, with a warning."""
    coverage: float = COVERAGE
    """See `tools.quantize.ptq.COVERAGE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What became of a network."""

    name: str
    """Of the source."""
    report: Report
    outputs: tuple[str, ...]
    """Names of the outputs, in order."""
    origin_parity: Mapping[str, float]
    """Per output: largest difference of the float file to the original in its own runtime, relative; {} if the source
    was PyTorch, Keras or TFLite."""
    layers: list[Noise]
    latency: Latency
    float_bytes: int
    """Size of the float file."""
    islands: Mapping[str, int]
    """Operators outside XNNPACK, by kind."""
    calibrated_on: int
    """Inputs that gave the ranges."""
    tested_on: int
    """Other inputs, that gave every figure."""
    untuned_db: tuple[float, ...] = ()
    """Per output: signal to noise without tuning, dB; () if it was not tuned."""
    untuned_layers: list[Noise] = field(default_factory=list)
    """As `layers`, without tuning."""
    warnings: tuple[str, ...] = ()
    tasks: Measured = field(default_factory=dict)
    """Task accuracy by figure, of "float" and of "int8"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What `run` was asked for, its inputs divided."""

    name: str
    source: Source
    kept: Inputs
    tests: Inputs
    out: Path
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """An int8 file and how it was made."""

    net: nn.Module | None
    float_file: Path
    int8_file: Path
    noise: dict[str, float]


def run(name: str, source: Source, inputs: Inputs, out: Path, options: Options) -> Study:
    """Quantize a network and study it. Writes `out`, and the float file beside it as `<stem>.float.tflite`.

    Raises Unfit if the result must not ship, and leaves `out` alone; ValueError if a TFLite file is to be tuned, or is
    `out` itself.
    """
    if options.tune and source.net is None:
        raise ValueError("a TFLite file cannot be tuned: start from the network that it was made of")
    if source.float_file and out.exists() and source.float_file.samefile(out):
        raise ValueError(f"{out} is the network itself: give the int8 file another name with --out")
    kept, held = inputs.split()
    tests = held[:: max(1, len(held) // TESTS)]
    order = _Order(name=name, source=source, kept=kept, tests=tests, out=out, options=options)
    with TemporaryDirectory(prefix=".quantize-", dir=out.parent) as folder:
        plain = _plain(order, Path(folder))
        return _judged(order, plain, _tuned(order, plain, Path(folder)) if options.tune else None)


def _judged(order: _Order, plain: _Candidate, tuned: _Candidate | None) -> Study:
    """Take the candidate with less noise, and put it into its place if it is fit."""
    options, tests = order.options, order.tests
    before = losses(plain.float_file, plain.int8_file, tests)
    after = losses(plain.float_file, tuned.int8_file, tests) if tuned else before
    helped = sum(after["noise_db"]) > sum(before["noise_db"])
    chosen = tuned if tuned and helped else plain
    report = measure(chosen.net, chosen.float_file, chosen.int8_file, chosen.noise, tests)
    # A loss is what lies between the network as it came and the int8 file, whatever happened on the way.
    report = replace(report, **(after if helped else before))
    islands = File(chosen.int8_file).islands()
    origin = foreign_parity(order.source, Path(order.name), plain.float_file, tests[:8])
    problems = faults(report, islands, allow_islands=options.allow_islands, allow_loss=options.allow_loss)
    if problems := [*problems, *_strangers(origin)]:
        raise Unfit(f"{order.name} is not fit to ship: {'; '.join(problems)}")
    untuned, found = (layers.along(one.float_file, one.noise) for one in (plain, chosen))
    chosen.int8_file.replace(order.out)
    no_help = [] if helped or not tuned else [NO_HELP]
    return Study(
        name=order.name,
        report=report,
        outputs=order.source.outputs or tuple(f"output {index}" for index in range(len(report.noise_db))),
        origin_parity=origin,
        layers=layers.named_as(found, untuned),
        latency=files.race(File(plain.float_file), File(order.out), tests[0]),
        float_bytes=plain.float_file.stat().st_size,
        islands=islands,
        calibrated_on=len(order.kept),
        tested_on=len(tests),
        untuned_db=tuple(before["noise_db"]) if tuned else (),
        untuned_layers=untuned if tuned else [],
        warnings=(*island_lines(report, islands), *loss_lines(report, DOUBTFUL), *no_help),
    )


def _strangers(origin: Mapping[str, float]) -> list[str]:
    """Outputs that the original gives otherwise in its own runtime: an operator was misread."""
    worst = max(origin, key=lambda name: origin[name], default="")
    if not worst or origin[worst] <= PARITY:
        return []
    return [f"{worst} differs from the original in its own runtime by {origin[worst]:.2g} of its largest value"]


def _plain(order: _Order, folder: Path) -> _Candidate:
    """Calibrated, not tuned."""
    net, float_file = order.source.net, order.source.float_file or order.out.with_suffix(".float.tflite")
    if net is not None:
        convert(net, order.kept[0], float_file)
    int8_file = folder / "int8.tflite"
    noise = quantize(float_file, order.kept, int8_file, order.options.coverage)
    return _Candidate(net=net, float_file=float_file, int8_file=int8_file, noise=noise)


def _tuned(order: _Order, plain: _Candidate, folder: Path) -> _Candidate:
    assert plain.net is not None and order.options.tune is not None
    tuned = aware.tune(plain.net, order.kept, order.options.tune)
    float_file, int8_file = folder / "tuned.float.tflite", folder / "tuned.tflite"
    convert(tuned.net, order.kept[0], float_file)
    learned = aware.learned_ranges(tuned, float_file, order.kept)
    noise = quantize(float_file, order.kept, int8_file, order.options.coverage, learned)
    return _Candidate(net=tuned.net, float_file=float_file, int8_file=int8_file, noise=noise)
