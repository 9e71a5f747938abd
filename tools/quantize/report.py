"""A folder that says what became of a network: report.md to read, report.json to compute with, sqnr.png to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools.metrics import Figure
from tools.quantize import plots
from tools.quantize.job import Study
from tools.quantize.layers import worst
from tools.quantize.tasks import text

PLOT = "sqnr.png"


def write(study: Study, folder: Path) -> None:
    """Fill the folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(_plain(study), indent=1) + "\n", encoding="utf-8")
    (folder / "report.md").write_text("\n".join(_lines(study)) + "\n", encoding="utf-8")
    title = f"{Path(study.name).name} in int8: each operator's result against the float network's"
    plots.noise(study.layers, study.untuned_layers, title, folder / PLOT)


def summary(study: Study) -> str:
    """A few lines for the terminal."""
    least = min(study.report.noise_db)
    speed = f"{study.latency.ratio:.2f}x the float file's time"
    lines = [f"{study.report.size_bytes / 1000:.0f} kB, {speed}, noisiest output {least:.1f} dB"]
    lines += [f"warning: {one}" for one in study.warnings]
    return "\n".join(lines)


def _plain(study: Study) -> dict[str, Any]:
    tasks = {key: {name: _number(one) for name, one in pair.items()} for key, pair in study.tasks.items()}
    return {**asdict(study), "tasks": tasks, "latency_ratio": round(study.latency.ratio, 3)}


def _number(value: Any) -> Any:
    return asdict(value) if isinstance(value, Figure) else value


def _lines(study: Study) -> Iterator[str]:
    yield f"# {Path(study.name).name} in int8\n"
    yield from _facts(study)
    yield from _outputs(study)
    yield from _layers(study)
    if study.tasks:
        yield from _tasks(study)
    if study.warnings:
        yield "\n## Warnings\n"
        yield from (f"- {one}" for one in study.warnings)


def _facts(study: Study) -> Iterator[str]:
    report, latency = study.report, study.latency
    tuned = "tuned for int8, then calibrated" if study.untuned_db else "calibrated after training"
    yield f"Per-channel weights, activations, input and output in int8; {tuned} on {study.calibrated_on} inputs."
    yield f"Every figure below is from {study.tested_on} other inputs.\n"
    yield "| | float | int8 | |"
    yield "|---|---|---|---|"
    yield (
        f"| size | {study.float_bytes / 1000:.0f} kB | {report.size_bytes / 1000:.0f} kB "
        f"| {report.size_bytes / study.float_bytes:.2f}x |"
    )
    yield (
        f"| processor time, one thread, median of {latency.rounds} by turns | {latency.float_ms:.3g} ms | "
        f"{latency.int8_ms:.3g} ms | {latency.ratio:.2f}x |"
    )
    yield f"| pieces that XNNPACK runs | | {report.delegates} | {_islands(study)} |"
    yield f"| floating-point tensors left | | {report.float_tensors} | |"


def _islands(study: Study) -> str:
    return ", ".join(f"{name} x{count} outside" for name, count in study.islands.items()) or "nothing outside"


def _outputs(study: Study) -> Iterator[str]:
    """One row an output."""
    report, tuned = study.report, bool(study.untuned_db)
    yield "\n## Outputs\n"
    yield "Parity: largest difference to the original, in parts of the output's largest value. Noise: signal to"
    yield "quantization noise, from the float network as it came to the int8 file; 6 dB are one bit. Agreement: the"
    yield "cosine of what differs from input to input.\n"
    yield f"| output | parity of the float file | cosine | agreement | {'untuned, dB | ' if tuned else ''}int8, dB |"
    yield f"|---|---|---|---|{'---|' if tuned else ''}---|"
    for index, name in enumerate(study.outputs):
        parity = study.origin_parity.get(name, report.parity[index] if report.parity else None)
        before = f"{study.untuned_db[index]:.1f} | " if tuned else ""
        shown = "" if parity is None else f"{parity:.1e}"
        cosines = f"{report.cosine[index]:.4f} | {report.agreement[index]:.4f}"
        yield f"| {name} | {shown} | {cosines} | {before}{report.noise_db[index]:.1f} |"


def _layers(study: Study) -> Iterator[str]:
    yield "\n## Where the noise comes in\n"
    yield f"![signal to noise along the network]({PLOT})\n"
    yield "| position | operator | where | dB |"
    yield "|---|---|---|---|"
    for one in worst(study.layers, 10):
        yield f"| {one.position} | {one.operator} | `{one.label}` | {one.noise_db:.1f} |"


def _tasks(study: Study) -> Iterator[str]:
    yield "\n## At its task\n"
    yield "Through the reader's own code, by `tools.evaluate`; 95 % intervals.\n"
    yield "| | float | int8 | int8 minus float |"
    yield "|---|---|---|---|"
    for name, pair in study.tasks.items():
        yield f"| {name} | {text(pair['float'])} | {text(pair['int8'])} | {text(pair['difference'])} |"
