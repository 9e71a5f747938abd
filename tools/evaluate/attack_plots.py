"""How attacks fare: error trade-off curves, and what the attacks look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot

from edgeface.frame import Pixels
from tools import metrics
from tools.attacks import HELD_OUT, TRAINED
from tools.evaluate import plots
from tools.metrics import Floats

LEAST = 0.1
"""Percent: what no one does is drawn here, as a logarithm has no zero."""


def det(systems: Mapping[str, Mapping[str, Floats]], file: Path) -> None:
    """APCER over BPCER by system; full lines: species trained on, broken: held out."""
    with plots.canvas(file) as axes:
        for name, colour in plots.colours(list(systems)).items():
            scores = systems[name]
            live = np.concatenate([values for kind, values in scores.items() if kind.startswith("bona_fide")])
            for kinds, line, says in ((TRAINED, "-", "trained species"), (HELD_OUT, "--", "held-out species")):
                attacks = np.concatenate([scores[kind] for kind in kinds if kind in scores])
                curve = metrics.det(live, attacks)
                axes.plot(
                    np.maximum(100 * curve.false_non_match, LEAST),
                    np.maximum(100 * curve.false_match, LEAST),
                    line,
                    color=colour,
                    label=f"{name}, {says}",
                )
        axes.set(xscale="log", yscale="log", xlim=(LEAST, 100), ylim=(LEAST, 110))
        axes.set(xlabel="BPCER: living people refused, %", ylabel="APCER: attacks passed, %")
        axes.xaxis.set_major_formatter(plots.PLAIN)
        axes.yaxis.set_major_formatter(plots.PLAIN)
        axes.legend()


def sheet(examples: Mapping[str, Sequence[tuple[Pixels, float, float]]], file: Path) -> None:
    """A row a kind, each shot with both scores."""
    columns = max(len(row) for row in examples.values())
    figure, grid = pyplot.subplots(len(examples), columns, figsize=(1.2 * columns, 1.45 * len(examples)), squeeze=False)
    for axes in grid.ravel():
        axes.axis("off")
    for row, (kind, shots) in zip(grid, examples.items(), strict=True):
        for axes, (pixels, ours, theirs) in zip(row, shots, strict=False):
            axes.imshow(pixels)
            axes.set_title(f"{ours:.2f} / {theirs:.2f}", fontsize=7, pad=2)
        row[0].text(-0.12, 0.5, kind.replace("_", " "), transform=row[0].transAxes, fontsize=7, ha="right", va="center")
    figure.subplots_adjust(left=0.15, right=0.99, top=0.97, bottom=0.01, wspace=0.05, hspace=0.25)
    figure.savefig(file, dpi=110)
    pyplot.close(figure)
