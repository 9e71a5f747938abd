"""The two texts beside an installed model: its manifest, which the reader obeys, and its card, which a person reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from edgeface.adapters.catalog import Offer
from tools.evaluate.acquire import Value
from tools.install.measure import Measured
from tools.metrics import Figure

SHOWN = (
    "accuracy", "tar_at_far_1e-2", "tar_at_far_1e-3", "failure_to_acquire", "threshold_at_fmr_1e-4", "fnmr_at_fmr_1e-4",
)  # fmt: skip


def manifest(offer: Offer, entry: Mapping[str, Any]) -> str:
    """TOML with one table. Text of `entry` comes from the catalogue and from here."""
    lines = [f"# Written by `edgeface models install {offer.name}`; {offer.name}.md says what was measured."]
    return "\n".join([*lines, f"[{offer.name}]", *(f"{key} = {_toml(value)}" for key, value in entry.items())]) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(key)} = {_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)  # numbers, booleans and lists are written alike in both


def card(offer: Offer, entry: Mapping[str, Any], measured: Measured, notes: Sequence[str]) -> str:
    """Markdown: where it comes from, what was done to it (`notes`), what that cost, on this machine."""
    files = [f"| `{one.name}` | {one.size_bytes:,} | `{one.sha256}` | {one.url} |" for one in offer.sources]
    lines = [
        f"# {offer.name}",
        "",
        f"{offer.summary[0].upper()}{offer.summary[1:]}. Made by {offer.maker}.",
        f"Licence: {offer.licence}, {offer.licence_url}.",
        "",
        "| file of the maker | bytes | sha256 | address |",
        "|---|---|---|---|",
        *files,
        "",
        f"The digests: {offer.verified}.",
        "",
        "## Conversion",
        "",
        f"`{entry['file']}`, sha256 `{entry['sha256']}`. {_golden(entry)}",
        "",
        *(f"- {line}." for line in (*notes, *summary(measured))),
        "",
        "Times are of the machine that installed it; a board may rank them otherwise: `edgeface bench` measures there.",
        "",
        "## Accuracy",
        "",
        *_accuracy(offer, measured),
        "",
        "## Threshold",
        "",
        f"`{json.dumps(entry['thresholds'])}`: {threshold_origin(offer, measured)}.",
        "",
    ]
    return "\n".join(lines)


def _golden(entry: Mapping[str, Any]) -> str:
    if "golden" in entry:
        return "What it gave here on known pictures is in its manifest: `edgeface models check` compares."
    return "Floating point differs by processor, so `edgeface models check` has nothing to compare its results with."


def summary(measured: Measured) -> list[str]:
    """What conversion cost, a sentence each."""
    return [
        f"largest difference to the original, from pixels to outputs: {measured.parity:.2g} of an output's range",
        f"time of the original in its own runtime over this file's, one thread: {_ratio(measured.to_original)}",
        f"time of this file over that of edgeface's own model, one thread: {_ratio(measured.to_ours)}",
        *(
            f"LFW-dev {name}: {_value(measured.before[name])} before, {_value(measured.after[name])} after"
            for name in SHOWN[:1]
            if name in measured.after
        ),
    ]


def threshold_origin(offer: Offer, measured: Measured) -> str:
    """Where the threshold in the manifest comes from, as a clause."""
    if measured.score is None:
        return offer.measured
    if measured.score[0] == "grant":
        return "measured here, at a false match rate of 1 in 10,000 over LFW-dev's pairs of different people"
    return f"the score at one false alarm in ten pictures of pose-dev, or if higher the catalogue's: {offer.measured}"


def _accuracy(offer: Offer, measured: Measured) -> list[str]:
    if not measured.after:
        return ["Not measured here: installed without `--data`."]
    part = "embedder" if offer.task == "detector" else "detector"
    rows = [
        f"| {name} | {_value(measured.before[name])} | {_value(measured.after[name])} |"
        for name in SHOWN
        if name in measured.after
    ]
    return [
        f"LFW-dev through the reader with edgeface's own {part}, before (the original in its runtime) and after:",
        "",
        "| figure | original | converted |",
        "|---|---|---|",
        *rows,
    ]


def _value(value: Value) -> str:
    if isinstance(value, Figure):
        return f"{value.value:.4g} [{value.low:.4g}, {value.high:.4g}] ({value.n:,})"
    return f"{value:.4g}" if isinstance(value, float) else value


def _ratio(figure: Figure) -> str:
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}] (n = {figure.n})"
