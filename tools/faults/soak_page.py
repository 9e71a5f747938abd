"""The soak as a table and a figure: how the reader stood, and what went wrong when."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import Any

import numpy as np

from tools.faults.soak import FIRST_PART, Bout, Soak

BEGIN, END = "<!-- soak: written by tools/faults -->", "<!-- end of soak -->"
PANELS = (("resident_mb", "resident memory, MB"), ("descriptors", "open files"), ("wal_mb", "write-ahead log, MB"))


def write(page: Path, found: Soak) -> None:
    """Put the soak into the page, and its figure beside it. Raises ValueError if the page has no place for it."""
    _put(page, table(found))
    draw(page.with_name("soak.png"), found)


def tell(readme: Path, found: Soak) -> None:
    """Put it into the README in a sentence or two. Raises ValueError if that has no place for it."""
    slope, low, high = growth(found)
    old, longest = found.old(), max(sample.resident_mb for sample in found.samples)
    _put(
        readme,
        f"{found.minutes:.0f} minutes of faults by chance, {len(found.bouts)} of them: {len(found.wrong)} violations; "
        f"memory {slope:+.2f} MB an hour [{low:+.2f}, {high:+.2f}]\nin a process that lived through "
        f"{(old[-1].at_s - old[0].at_s) / 60:.0f} minutes of it, {longest:.0f} MB at the most "
        "([soak](docs/faults.md#hours-of-it):\n`python -m tools.faults soak --out docs/faults.md`).\n",
    )


def place(page: Path) -> tuple[str, re.Match[str]]:
    """The page's text, and where in it the soak belongs. Raises ValueError if the page is not there, or has no place
    for it: to be asked before an hour has gone by."""
    try:
        text = page.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{page} cannot be read: {error.strerror}; the soak goes into a page that is there") from error
    match = re.search(re.escape(BEGIN) + r"\n.*?" + re.escape(END), text, re.DOTALL)
    if match is None:
        raise ValueError(f"{page} has no line {BEGIN}, and none {END} below it: that is where the soak goes")
    return text, match


def _put(page: Path, words: str) -> None:
    text, match = place(page)
    page.write_text(f"{text[: match.start()]}{BEGIN}\n{words}{END}{text[match.end() :]}", encoding="utf-8")


def table(found: Soak) -> str:
    """What happened, in words and numbers."""
    old = found.old()
    hours = (old[-1].at_s - old[0].at_s) / 3600
    slope, low, high = growth(found)
    ready = sorted(life.ready_s - life.started_s for life in found.lives if life.ready_s is not None)
    longest = max(sample.resident_mb for sample in found.samples)
    wal_mb = max(sample.wal_mb for sample in found.samples)
    head = (
        f"{found.minutes:.0f} minutes, seed {found.seed}: {len(found.bouts)} faults, {found.decisions:,} decisions, "
        f"{found.opened:,} openings, {len(found.lives)} processes, **{len(found.wrong)} violations**.\n"
        f"From start to READY {statistics.median(ready):.1f} s in the median, {ready[-1]:.1f} s at the most "
        f"(n = {len(ready)}).\nThe process that lived longest was looked at each second for {60 * hours:.0f} minutes: "
        f"memory {slope:+.2f} MB an hour [{low:+.2f}, {high:+.2f}]\n(Theil-Sen, 95 %, of the medians of minutes), "
        f"{longest:.0f} MB at the most in any process, {old[0].descriptors} open files at first and\n"
        f"{old[-1].descriptors} at last, and never more than {wal_mb:.1f} MB of write-ahead log.\n\n"
        "![Memory, open files and write-ahead log over the soak](soak.png)\n\n"
    )
    rows = [
        f"| {name} | {len(bouts)} | {_seconds([bout.back_s for bout in bouts])} |\n"
        for name, bouts in _by_name(found.bouts)
    ]
    wrong = "".join(f"- {problem}\n" for problem in found.wrong)
    title = "| fault | times | recognises again after, median and most, s |\n| --- | --- | --- |\n"
    return head + title + "".join(rows) + (f"\n{wrong}" if wrong else "")


def growth(found: Soak) -> tuple[float, float, float]:
    """By how many MB an hour the long life's memory grows: estimate and 95 % interval."""
    from scipy.stats import theilslopes

    old = found.old()
    minutes: dict[int, list[float]] = {}
    for sample in old:
        minutes.setdefault(int((sample.at_s - old[0].at_s) / 60), []).append(sample.resident_mb)
    if len(minutes) < 3:
        return 0.0, float("-inf"), float("inf")
    slope = theilslopes([statistics.median(row) for row in minutes.values()], np.array(list(minutes)) / 60)
    return float(slope.slope), float(slope.low_slope), float(slope.high_slope)


def draw(file: Path, found: Soak) -> None:
    """The figure: three curves over the minutes; faults that may end the process as lines."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(PANELS), 1, sharex=True, figsize=(9, 6.5), layout="constrained")
    at = [(sample.at_s - found.begun_s) / 60 for sample in found.samples]
    for panel, (name, label) in zip(axes, PANELS, strict=True):
        _panel(panel, at, [getattr(sample, name) for sample in found.samples], found)
        panel.set_ylabel(label)
        panel.set_ylim(bottom=0)
    axes[0].set_title(
        f"{len(found.bouts)} faults in {found.minutes:.0f} minutes (grey); processes begin at the dashed lines"
    )
    axes[-1].set_xlabel("minutes")
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _panel(panel: Any, at: list[float], values: list[float], found: Soak) -> None:
    for bout in found.bouts:
        panel.axvspan(bout.begun_s / 60, (bout.begun_s + max(bout.took_s, 2)) / 60, color="0.88", linewidth=0)
    for life in found.lives:
        panel.axvline((life.started_s - found.begun_s) / 60, color="0.45", linestyle="--", linewidth=0.8)
    panel.axvline(FIRST_PART * found.minutes, color="tab:orange", linewidth=1)
    panel.plot(at, values, ".", markersize=1.5, color="tab:blue")


def _by_name(bouts: list[Bout]) -> list[tuple[str, list[Bout]]]:
    names = dict.fromkeys(sorted(bout.fault for bout in bouts))
    return [(name, [bout for bout in bouts if bout.fault == name]) for name in names]


def _seconds(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    lost = f", {len(values) - len(known)} never" if len(known) < len(values) else ""
    return f"{statistics.median(known):.1f}, {max(known):.1f}{lost}" if known else "never"
