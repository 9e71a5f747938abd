"""One network from its source to an int8 file, and everything that is worth knowing about the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from tools.quantize import aware, files, layers
from tools.quantize.files import File, Latency
from tools.quantize.fitness import Report, Unfit, by_output, decibels, faults, island_lines, measure
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
class _Candidate:
    """An int8 file and how it was made."""

    net: nn.Module | None
    float_file: Path
    int8_file: Path
    noise: dict[str, float]


def run(name: str, source: Source, inputs: Inputs, out: Path, options: Options) -> Study:
    """Quantize a network and study it. Writes `out`, and the float file beside it as `<stem>.float.tflite`.

    Raises Unfit if the result must not ship, and leaves `out` alone; ValueError if a TFLite file is to be tuned.
    """
    if options.tune and source.net is None:
        raise ValueError("a TFLite file cannot be tuned: start from the network that it was made of")
    kept, held = inputs.split()
    tests = held[:: max(1, len(held) // TESTS)]
    plain = _plain(source, kept, out, options.coverage)
    before = _outputs_db(plain.float_file, plain.int8_file, tests)
    tuned = _tuned(plain, kept, out, options) if options.tune else plain
    after = _outputs_db(plain.float_file, tuned.int8_file, tests)
    helped = sum(after) > sum(before)
    chosen = tuned if helped else plain
    report = measure(chosen.net, chosen.float_file, chosen.int8_file, chosen.noise, tests)
    # Noise is what lies between the network as it came and the int8 file, whatever happened on the way.
    report = replace(report, noise_db=after if helped else before)
    islands = File(chosen.int8_file).islands()
    untuned = layers.along(plain.float_file, plain.noise)
    if problems := faults(report, islands, allow_islands=options.allow_islands):
        _discard(plain, tuned)
        raise Unfit(f"{name} is not fit to ship: {'; '.join(problems)}")
    chosen.int8_file.replace(out)
    _discard(plain, tuned)
    return Study(
        name=name,
        report=report,
        outputs=source.outputs or tuple(f"output {index}" for index in range(len(report.noise_db))),
        origin_parity=foreign_parity(source, Path(name), plain.float_file, tests[:8]),
        layers=layers.named_as(layers.along(chosen.float_file, chosen.noise), untuned),
        latency=files.race(File(plain.float_file), File(out), tests[0]),
        float_bytes=plain.float_file.stat().st_size,
        islands=islands,
        calibrated_on=len(kept),
        tested_on=len(tests),
        untuned_db=tuple(before) if options.tune else (),
        untuned_layers=untuned if options.tune else [],
        warnings=(*island_lines(report, islands), *([] if helped or not options.tune else [NO_HELP])),
    )


def _plain(source: Source, inputs: Inputs, out: Path, coverage: float) -> _Candidate:
    """Calibrated, not tuned."""
    float_file = source.float_file or out.with_suffix(".float.tflite")
    int8_file = out.with_suffix(".part.tflite")
    if source.net is not None:
        convert(source.net, inputs[0], float_file)
    noise = quantize(float_file, inputs, int8_file, coverage)
    return _Candidate(net=source.net, float_file=float_file, int8_file=int8_file, noise=noise)


def _tuned(plain: _Candidate, inputs: Inputs, out: Path, options: Options) -> _Candidate:
    assert plain.net is not None and options.tune is not None
    tuned = aware.tune(plain.net, inputs, options.tune)
    float_file = out.with_suffix(".tuned.float.tflite")
    convert(tuned.net, inputs[0], float_file)
    learned = aware.learned_ranges(tuned, float_file, inputs)
    int8_file = out.with_suffix(".tuned.part.tflite")
    noise = quantize(float_file, inputs, int8_file, options.coverage, learned)
    return _Candidate(net=tuned.net, float_file=float_file, int8_file=int8_file, noise=noise)


def _discard(*candidates: _Candidate) -> None:
    for one in candidates:
        one.int8_file.unlink(missing_ok=True)


def _outputs_db(float_file: Path, int8_file: Path, tests: Inputs) -> list[float]:
    """Signal to noise of each output, dB."""
    first, second = File(float_file), File(int8_file)
    pairs = by_output([first.run(one) for one in tests], [second.run(one) for one in tests])
    return [decibels(*pair) for pair in pairs]
