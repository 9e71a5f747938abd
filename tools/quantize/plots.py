"""Where a network's int8 file is noisy: signal to noise along its operators, one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes

from tools.quantize.layers import Noise, worst

KINDS = {
    "CONV_2D": ("convolution", "#1b6ca8"),
    "DEPTHWISE_CONV_2D": ("depthwise convolution", "#5ba3cf"),
    "ADD": ("addition", "#6b8e4e"),
    "FULLY_CONNECTED": ("fully connected", "#7a5195"),
}
OTHERS = ("other", "#9a9a9a")
BAD = "#c0562f"
BIT_DB = 20 * np.log10(2)
NAMED = 5
"""So many of the noisiest operators are named in the picture."""


def noise(layers: Sequence[Noise], before: Sequence[Noise], title: str, file: Path) -> None:
    """Signal to noise of each operator in the order in which they run; `before`: the same file untuned, or nothing."""
    matplotlib.use("Agg")
    figure, axes = pyplot.subplots(figsize=(max(8.0, min(16.0, 2 + 0.22 * len(layers))), 5), layout="constrained")
    if len(before) == len(layers):
        untuned = [one.noise_db for one in before]
        axes.plot(range(len(untuned)), untuned, color="#bbbbbb", linewidth=1.2, label="before tuning", zorder=1)
    axes.plot(range(len(layers)), [one.noise_db for one in layers], color="#d5dde5", linewidth=1, zorder=1)
    for operator in dict.fromkeys(_kind(one) for one in layers):
        chosen = [(place, one.noise_db) for place, one in enumerate(layers) if _kind(one) == operator]
        label, colour = operator
        places, values = zip(*chosen, strict=True)
        axes.scatter(places, values, s=30, color=colour, label=label, zorder=3)
    _name_worst(axes, list(layers))
    _finish(axes, layers, title)
    figure.savefig(file, dpi=150)
    pyplot.close(figure)


def _kind(one: Noise) -> tuple[str, str]:
    return KINDS.get(one.operator, OTHERS)


def _name_worst(axes: Axes, layers: list[Noise]) -> None:
    """Rings around the noisiest, their names below in a column of steps so that none covers another."""
    places = {one.position: place for place, one in enumerate(layers)}
    low = min(one.noise_db for one in layers)
    chosen = sorted(worst(layers, NAMED), key=lambda one: places[one.position])
    for rank, one in enumerate(chosen):
        place = places[one.position]
        axes.scatter([place], [one.noise_db], s=110, facecolors="none", edgecolors=BAD, linewidths=1.6, zorder=4)
        right = place > 0.6 * len(layers)
        axes.annotate(
            f"{one.label}  {one.noise_db:.1f} dB",
            (place, one.noise_db),
            xytext=(place + (-0.4 if right else 0.4), low - 1.3 - 1.5 * (len(chosen) - rank if right else rank)),
            ha="right" if right else "left",
            va="top",
            fontsize=8,
            color=BAD,
            arrowprops={"arrowstyle": "-", "color": BAD, "linewidth": 0.7, "alpha": 0.6},
        )
    axes.set_ylim(bottom=low - 3.5 - 1.5 * NAMED)


def _finish(axes: Axes, layers: Sequence[Noise], title: str) -> None:
    axes.set(xlabel="operator, in the order in which they run", ylabel="signal to quantization noise, dB")
    axes.set_xlim(-1, len(layers))
    axes.set_title(title, fontsize=10)
    bits = axes.secondary_yaxis("right", functions=(lambda decibels: decibels / BIT_DB, lambda count: count * BIT_DB))
    bits.set_ylabel("the same in bits")
    axes.legend(frameon=False, fontsize=9, loc="upper right", ncols=3)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
