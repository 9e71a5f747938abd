"""What the error rates look like over the threshold: one picture a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from tools import metrics
from tools.metrics import Pairs, Searches

MATED, OTHERS = "#1b6ca8", "#c0562f"
SHADES = ("#9ecae1", "#5ba3cf", "#1b6ca8", "#08306b")
"""Small galleries light, large ones dark."""
PLAIN = FuncFormatter(lambda value, _: f"{value:g}")
"""0.1, 1 and 10 instead of powers of ten."""


def verification(pairs: Pairs, threshold: float, file: Path) -> None:
    """ROC and the two score histograms of verification trials, with the reader's threshold."""
    matplotlib.use("Agg")
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    _roc(left, pairs, threshold)
    _histogram(right, pairs, threshold)
    figure.savefig(file, dpi=150)
    pyplot.close(figure)


def identification(searches: Mapping[int, Searches], threshold: float, file: Path) -> None:
    """DET curves of open-set identification, one a gallery size; a dot marks the reader's threshold."""
    matplotlib.use("Agg")
    figure, axes = pyplot.subplots(figsize=(6.5, 5), layout="constrained")
    for colour, (size, pooled) in zip(SHADES, searches.items(), strict=True):
        curve = metrics.det(pooled.mates, pooled.strangers)
        axes.plot(*_percent(curve.false_match, curve.false_non_match), color=colour, label=f"{size} people enrolled")
        at = metrics.fpir(pooled, threshold).value, metrics.fnir(pooled, threshold).value
        axes.plot(*_percent(*map(np.array, at)), "o", color=colour)
    axes.set(xscale="log", yscale="log", xlim=(0.05, 100), ylim=(0.5, 100))
    axes.yaxis.set_major_formatter(PLAIN)
    axes.set(xlabel="FPIR: strangers taken for somebody, %", ylabel="FNIR: enrolled people not known, %")
    axes.set_title(f"Open-set identification, LFW-dev; dots: the reader's threshold {threshold:g}", fontsize=10)
    axes.xaxis.set_major_formatter(PLAIN)
    _finish(axes)
    figure.savefig(file, dpi=150)
    pyplot.close(figure)


def _roc(axes: Axes, pairs: Pairs, threshold: float) -> None:
    mated, others = pairs.scores[pairs.same], pairs.scores[~pairs.same]
    curve = metrics.det(mated, others)
    axes.plot(*_percent(curve.false_match, 1 - curve.false_non_match), color=MATED, drawstyle="steps-post")
    least = 100 / len(others)
    far, tar = (100 * float((scores >= threshold).mean()) for scores in (others, mated))
    axes.plot(max(far, least / 2), tar, "o", color=OTHERS, label=f"the reader's threshold {threshold:g}")
    lowest = min(tar, 100 * float((mated > others.max()).mean()))
    axes.set(xscale="log", xlim=(least / 2, 100), ylim=(max(0.0, lowest - 5), 100.5))
    axes.xaxis.set_major_formatter(PLAIN)
    axes.set(xlabel="FAR: pairs of two people that match, %", ylabel="TAR: pairs of one person that match, %")
    axes.set_title(f"ROC; one in {len(others)} pairs is {least:.2g} %, a dot at the left edge is none", fontsize=10)
    _finish(axes)


def _histogram(axes: Axes, pairs: Pairs, threshold: float) -> None:
    bins = np.linspace(pairs.scores.min(), pairs.scores.max(), 60).tolist()
    for chosen, colour, label in ((~pairs.same, OTHERS, "two people"), (pairs.same, MATED, "one person")):
        axes.hist(pairs.scores[chosen], bins, color=colour, alpha=0.6, label=f"{label}, {chosen.sum()} pairs")
    axes.axvline(threshold, color="black", linestyle="--", linewidth=1, label=f"the reader's threshold {threshold:g}")
    axes.set(xlabel="cosine similarity of two templates", ylabel="pairs")
    axes.set_ylim(0, 1.25 * axes.get_ylim()[1])
    axes.set_title("Scores, LFW-dev", fontsize=10)
    _finish(axes)


def _percent(first: metrics.Floats, second: metrics.Floats) -> tuple[metrics.Floats, metrics.Floats]:
    return 100 * first, 100 * second


def _finish(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=9)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
