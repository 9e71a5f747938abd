"""What the figures look like: one picture a question, in one style, to be read at a width of 800 pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from tools import metrics
from tools.metrics import Figure, Floats, Pairs, Searches

OURS, OTHERS, GREY = "#1b6ca8", "#c0562f", "#5b6770"
"""Ours, or right; strangers, or wrong; what is only a mark."""
PEERS = ("#c0562f", "#3f8f5b", "#8a5aa8", "#a8842a", "#5b6770")
"""Other people's models, in the order they come."""
SHADES = ("#9ecae1", "#5ba3cf", "#1b6ca8", "#08306b")
"""Little to much of one thing, light to dark."""
PLAIN = FuncFormatter(lambda value, _: f"{value:g}")
"""0.1, 1 and 10 instead of powers of ten."""
STYLE: Any = {"font.size": 11, "axes.titlesize": 11, "legend.fontsize": 10, "axes.spines.top": False}
STYLE |= {"axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25, "legend.frameon": False}


@contextmanager
def canvas(file: Path, *, panels: int = 1, width: float = 8, height: float = 4.8, **shared: Any) -> Iterator[Any]:
    """Axes to draw on, several as a sequence, side by side; kept as `file` at the end. Sizes in inches."""
    matplotlib.use("Agg")
    with matplotlib.rc_context(STYLE):
        figure, axes = pyplot.subplots(1, panels, figsize=(width, height), layout="constrained", **shared)
        yield axes
        figure.savefig(file, dpi=120)
        pyplot.close(figure)


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each: the first is ours."""
    return dict(zip(names, [OURS, *(PEERS[i % len(PEERS)] for i in range(len(names)))], strict=False))


def roc(sets: Mapping[str, Pairs], threshold: float, file: Path) -> None:
    """ROC of verification trials, ours first, with the reader's threshold on ours."""
    with canvas(file) as axes:
        lowest = 100.0
        for name, colour in colours(list(sets)).items():
            mated, others = sets[name].scores[sets[name].same], sets[name].scores[~sets[name].same]
            curve = metrics.det(mated, others)
            axes.plot(100 * curve.false_match, 100 - 100 * curve.false_non_match, color=colour, label=name)
            lowest = min(lowest, 100 * float((mated > others.max()).mean()))
        far, tar = _point(next(iter(sets.values())), threshold)
        least = 100 / int((~next(iter(sets.values())).same).sum())
        label = f"the reader's threshold, {threshold:g}"
        axes.plot(max(far, least / 2), tar, "o", color=OURS, clip_on=False, label=label)
        axes.set(xscale="log", xlim=(least / 2, 100), ylim=(max(0.0, min(tar, lowest) - 5), 100.5))
        axes.xaxis.set_major_formatter(PLAIN)
        axes.set(xlabel="FMR: pairs of two people that match, %", ylabel="TAR: pairs of one person that match, %")
        axes.set_title(f"One pair of strangers is {least:.2g} %; a dot at the left edge is none")
        axes.legend(loc="lower right")


def det(sets: Mapping[str, Pairs], threshold: float, file: Path) -> None:
    """DET of verification trials, ours first, with the reader's threshold on ours."""
    with canvas(file) as axes:
        for name, colour in colours(list(sets)).items():
            one = sets[name]
            curve = metrics.det(one.scores[one.same], one.scores[~one.same])
            axes.plot(100 * curve.false_match, 100 * curve.false_non_match, color=colour, label=name)
        ours = next(iter(sets.values()))
        far, tar = _point(ours, threshold)
        least = 100 / int((~ours.same).sum())
        label = f"the reader's threshold, {threshold:g}"
        axes.plot(max(far, least / 2), 100 - tar, "o", color=OURS, clip_on=False, label=label)
        axes.set(xscale="log", yscale="log", xlim=(least / 2, 100), ylim=(100 / int(ours.same.sum()) / 2, 100))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PLAIN)
        axes.set(xlabel="FMR: pairs of two people that match, %", ylabel="FNMR: pairs of one person missed, %")
        axes.legend(loc="upper right")


def _point(pairs: Pairs, threshold: float) -> tuple[float, float]:
    """FMR and TAR in percent."""
    mated, others = pairs.scores[pairs.same], pairs.scores[~pairs.same]
    return 100 * float((others >= threshold).mean()), 100 * float((mated >= threshold).mean())


def scores(pairs: Pairs, threshold: float, file: Path) -> None:
    """Two histograms, of one person and of two, with the reader's threshold."""
    with canvas(file, height=4) as axes:
        bins = np.linspace(pairs.scores.min(), pairs.scores.max(), 60).tolist()
        for chosen, colour, label in ((~pairs.same, OTHERS, "two people"), (pairs.same, OURS, "one person")):
            axes.hist(pairs.scores[chosen], bins, color=colour, alpha=0.6, label=f"{label}, {chosen.sum()} pairs")
        axes.axvline(
            threshold, color="black", linestyle="--", linewidth=1, label=f"the reader's threshold {threshold:g}"
        )
        axes.set(xlabel="cosine similarity of two templates", ylabel="pairs", ylim=(0, 1.2 * axes.get_ylim()[1]))
        axes.legend(loc="upper right")


def identification(searches: Mapping[int, Searches], threshold: float, file: Path) -> None:
    """DET of open-set identification, one curve a gallery size; a dot marks the reader's threshold."""
    with canvas(file, height=5) as axes:
        for colour, (size, pooled) in zip(SHADES, searches.items(), strict=False):
            curve = metrics.det(pooled.mates, pooled.strangers)
            axes.plot(100 * curve.false_match, 100 * curve.false_non_match, color=colour, label=f"{size:,} enrolled")
            at = (pooled.strangers >= threshold).mean(), (pooled.mates < threshold).mean()
            axes.plot(100 * float(at[0]), 100 * float(at[1]), "o", color=colour)
        axes.set(xscale="log", yscale="log", xlim=(0.05, 100), ylim=(0.5, 100))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PLAIN)
        axes.set(xlabel="FPIR: searches by strangers that return somebody, %")
        axes.set_ylabel("FNIR: searches by enrolled people that fail, %")
        axes.set_title(f"Dots: the reader's threshold, {threshold:g}")
        axes.legend(loc="upper right")


def precision_recall(curves: Mapping[str, tuple[Floats, Floats]], file: Path) -> None:
    """Precision over recall by detector; names that end alike have one colour, `ours ...` is drawn full."""
    sides = list(dict.fromkeys(name.rsplit(", ", 1)[1] for name in curves))
    makers = list(dict.fromkeys(name.rsplit(", ", 1)[0] for name in curves))
    with canvas(file, panels=len(sides), height=4.2, sharey=True, squeeze=False) as grid:
        for axes, side in zip(grid[0], sides, strict=True):
            for maker, colour in colours(makers).items():
                recall, precision = curves[f"{maker}, {side}"]
                # The same network in two runtimes lies on itself.
                dashes = "--" if maker == makers[-1] and len(makers) > 2 else "-"
                axes.plot(100 * recall, 100 * precision, color=colour, linestyle=dashes, label=maker)
            axes.set(title=f"long side {side}", xlabel="recall, %", xlim=(60, 100.5), ylim=(60, 100.5))
        grid[0][0].set_ylabel("precision, %")
        grid[0][0].legend(loc="lower left")


def by_yaw(
    centres: Sequence[float], panels: Mapping[str, Mapping[str, Sequence[Figure | None]]], label: str, file: Path
) -> None:
    """A panel a quantity, in it a line a maker over |yaw| in degrees, with intervals; None leaves a gap."""
    with canvas(file, panels=len(panels), height=4.4, squeeze=False) as grid:
        for axes, (title, lines) in zip(grid[0], panels.items(), strict=True):
            for step, (maker, colour) in enumerate(colours(list(lines)).items()):
                places = [centre + step - 1 for centre in centres]
                _line(axes, places, lines[maker], colour, maker)
            axes.set(title=title, xlabel="|yaw|, degrees", ylim=(0, None))
        grid[0][0].set_ylabel(label)
        grid[0][0].legend(loc="best")


def _line(axes: Axes, places: Sequence[float], values: Sequence[Figure | None], colour: str, label: str) -> None:
    kept = [(place, figure) for place, figure in zip(places, values, strict=True) if figure is not None]
    heights = [figure.value for _, figure in kept]
    axes.errorbar(
        [place for place, _ in kept], heights, _spread([f for _, f in kept]), color=colour, label=label, marker="o",
        markersize=4, linewidth=1.2, elinewidth=1, capsize=2,
    )  # fmt: skip


def dots(groups: Mapping[str, Mapping[str, Figure]], label: str, file: Path, *, log: bool = False) -> None:
    """A row a name with a dot and its interval for each kind; percent along the bottom. Kinds have a colour each.

    With `log` a rate of zero has no dot, but the upper end of its interval stays visible.
    """
    kinds = list(dict.fromkeys(kind for values in groups.values() for kind in values))
    with canvas(file, height=1.5 + 0.4 * len(groups)) as axes:
        for step, (kind, colour) in enumerate(colours(kinds).items()):
            rows = [(place, values[kind]) for place, values in enumerate(groups.values()) if kind in values]
            heights = [place + 0.22 * (step - (len(kinds) - 1) / 2) for place, _ in rows]
            kept = [figure for _, figure in rows]
            axes.errorbar(
                [100 * figure.value for figure in kept], heights, xerr=_spread(kept, 100), color=colour, label=kind,
                marker="o", markersize=5, linestyle="none", elinewidth=1.3, capsize=3,
            )  # fmt: skip
        axes.set(yticks=range(len(groups)), yticklabels=list(groups), xlabel=label, ylim=(len(groups) - 0.4, -0.6))
        if log:
            axes.set_xscale("log", nonpositive="clip")
            lows = [100 * f.high for values in groups.values() for f in values.values() if f.high > 0]
            axes.set_xlim(min([100 * f.value for v in groups.values() for f in v.values() if f.value > 0] + lows) / 3)
            axes.xaxis.set_major_formatter(PLAIN)
        axes.figure.legend(loc="outside lower center", ncols=len(kinds))


def _spread(figures: Sequence[Figure], scale: float = 1) -> list[list[float]]:
    """How far the interval reaches below and above each value."""
    below = [scale * max(0.0, f.value - f.low) for f in figures]
    return [below, [scale * max(0.0, f.high - f.value) for f in figures]]


def budget(chains: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    """Accuracy over time, a point a chain with both intervals; ours is the first, and the unit of time."""
    with canvas(file, height=5) as axes:
        for key, colour in colours(list(chains)).items():
            time, rate = chains[key]["time_in_ours"], chains[key]["accuracy"]
            axes.errorbar(
                time.value, 100 * rate.value, _spread([rate], 100), _spread([time]), color=colour, marker="o",
                linestyle="none", elinewidth=1.2, capsize=3, label=chains[key]["chain"],
            )  # fmt: skip
        axes.set(xlabel="time of a recognition, as a multiple of ours", ylabel="LFW-dev accuracy, %", xscale="log")
        longest = max(one["time_in_ours"].high for one in chains.values())
        axes.set_xticks([tick for tick in (0.5, 1, 2, 4, 8, 16, 32) if tick < 2 * longest])
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(PLAIN)
        axes.set_ylim(top=100.2)
        axes.figure.legend(loc="outside lower center", ncols=2, fontsize=9)
