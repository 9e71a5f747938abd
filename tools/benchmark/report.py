"""The figures as a table for the terminal and as a plot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib import pyplot
from matplotlib.axes import Axes

from tools.benchmark.memory import Resident
from tools.benchmark.timing import STAGES, Speed
from tools.metrics import Figure

OURS = "edgeface"
OUR_COLOUR, THEIR_COLOUR = "#c8401f", "#5b6770"
MARKS = (("filled", True), ("hollow", False))
"""How the first and the second number of threads are drawn; more are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything that one run measured; chains by key, ours first."""

    machine: dict[str, str]
    """Processor, versions, load: what the times depend on."""
    titles: dict[str, str]
    speeds: dict[str, dict[int, dict[str, Speed]]]
    """By kind of picture, number of threads, chain."""
    memory: dict[str, Resident]
    """By chain, and "none" for a process without one."""
    memory_threads: int
    accuracy: dict[str, dict[str, Figure]]
    """By chain and rate; empty if it was not asked for."""


def table(results: Results) -> Iterator[str]:
    """Lines of text."""
    for kind, by_threads in results.speeds.items():
        for threads, speeds in by_threads.items():
            yield from _speed_lines(kind, threads, speeds, results.titles)
    yield from _memory_lines(results)
    yield from _accuracy_lines(results)
    yield ""
    yield from (f"{name}: {value}" for name, value in results.machine.items())


def _speed_lines(kind: str, threads: int, speeds: dict[str, Speed], titles: dict[str, str]) -> Iterator[str]:
    n = speeds[OURS].found.n
    yield ""
    yield f"{kind}, {_threads(threads)}: ms, median / 95th percentile; cpu: median, all threads together (n = {n})"
    heads = "".join(f"{stage:>15}" for stage in STAGES)
    yield f"{'':48}{heads}     cpu    times ours [95 %]     found"
    for key, speed in speeds.items():
        cells = (f"{speed.p50_ms[stage]:7.2f}/{speed.p95_ms[stage]:7.2f}" for stage in STAGES)
        ratio = f"{speed.to_us.value:5.2f} [{speed.to_us.low:.2f}, {speed.to_us.high:.2f}]"
        yield f"{titles[key]:48}{''.join(cells)}{speed.cpu_ms:8.2f} {ratio:>18} {100 * speed.found.value:6.1f} %"


def _threads(number: int) -> str:
    return f"{number} thread{'s' if number > 1 else ''}"


def _memory_lines(results: Results) -> Iterator[str]:
    yield ""
    yield f"resident memory, each chain alone in a fresh process, {_threads(results.memory_threads)}: MB now / peak"
    for key, memory in results.memory.items():
        title = results.titles.get(key, "no chain: Python, NumPy, OpenCV, one frame")
        yield f"{title:48}{memory.now_mb:7.1f}/{memory.peak_mb:7.1f}"


def _accuracy_lines(results: Results) -> Iterator[str]:
    if not results.accuracy:
        return
    first = results.accuracy[OURS]
    yield ""
    yield f"LFW-dev, {first['accuracy'].n} pairs: % [95 %, by person]; a picture without face counts as no match"
    yield f"{'':48}{'accuracy':>25}{'TAR at FAR 1e-2':>25}{'no face found':>25}"
    for key, figures in results.accuracy.items():
        cells = (_percent(figures[name]) for name in ("accuracy", "tar_at_far_1e-2", "failure_to_acquire"))
        yield f"{results.titles[key]:48}" + "".join(f"{cell:>25}" for cell in cells)


def _percent(figure: Figure) -> str:
    return f"{100 * figure.value:.2f} [{100 * figure.low:.2f}, {100 * figure.high:.2f}]"


def plot(results: Results, file: Path) -> None:
    """Accuracy over time in frames, a point a chain and number of threads; up and left is better."""
    matplotlib.use("Agg")
    kind, by_threads = list(results.speeds.items())[-1]
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for key in results.accuracy:
        times_ms = {threads: speeds[key].p50_ms["all"] for threads, speeds in by_threads.items()}
        _draw_chain(axes, key, times_ms, results)
    marks = zip(by_threads, MARKS, strict=False)
    legend = ", ".join(f"{name}: {_threads(threads)}" for threads, (name, _) in marks)
    axes.set(xlabel=f"{kind}: median ms from pixels to embedding ({legend})", ylabel="LFW-dev accuracy, %")
    axes.set_title(f"{results.machine['processor']}; bars: 95 % interval by person", fontsize=9, loc="left")
    axes.set_xlim(0, 1.5 * axes.get_xlim()[1])
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)


def _draw_chain(axes: Axes, key: str, times_ms: dict[int, float], results: Results) -> None:
    rate = results.accuracy[key]["accuracy"]
    colour, height = OUR_COLOUR if key == OURS else THEIR_COLOUR, 100 * rate.value
    times = list(times_ms.values())
    spread = [[height - 100 * rate.low], [100 * rate.high - height]]
    axes.errorbar(times[0], height, spread, color=colour, linewidth=1, capsize=3)
    axes.plot(times, [height] * len(times), color=colour, linewidth=1)
    for time_ms, (_, filled) in zip(times, MARKS, strict=False):
        axes.plot(time_ms, height, "o", color=colour, markersize=8, markerfacecolor=colour if filled else "white")
    title = results.titles[key].replace(" + ", "\n+ ")
    text = f"{title}\n{height:.2f} %, {results.memory[key].now_mb:.0f} MB"
    place = max(times), height
    axes.annotate(text, place, xytext=(9, 0), textcoords="offset points", va="center", color=colour, fontsize=8)
