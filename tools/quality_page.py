"""What models/quality.md says beside the tables of the study: limits, covers, the score, and what the filter saves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgeface.quality import Options

CHOSEN = {
    "min_eye_distance_px": "Distance",
    "min_sharpness": "visits.md; at enrolment 6, by Defocus, Motion",
    "min_brightness": "Darkness",
    "max_brightness": "Overexposure",
    "max_under_exposure": "Black pixels",
    "max_over_exposure": "White pixels",
    "min_dynamic_range": "Haze",
    "min_illumination_uniformity": "Light from one side",
    "min_inside": "Cropping",
    "max_blank": "Torn frame",
    "max_occlusion": "Covers, Mask, Bar over the eyes",
    "min_unified_score": "As a gate, in edgeface-quality-80.md",
    "max_yaw_deg": "a choice: pose-dev has no two pictures of a person",
    "max_pitch_deg": "a choice, likewise",
    "max_roll_deg": "a choice: the chip is turned upright",
    "max_second_face": "a choice; asked for at enrolment only",
}
"""By option: the section of the page whose figures chose it."""
RULES = {
    "none": "no filter",
    "gate": "gate, as it ships",
    "score_gate_s_share": "score alone, refusing as many",
    "score_10": "score alone, worst 10 %",
    "score_30": "score alone, worst 30 %",
    "score_50": "score alone, worst 50 %",
}


def limits() -> list[str]:
    """Every limit and what chose it."""
    rows = [f"| `{name}` | {getattr(Options(), name):g} | {why} |" for name, why in CHOSEN.items()]
    return ["## Limits", "", "| option | default | chosen by |", "|---|---|---|", *rows, ""]


def sections(folder: Path) -> list[str]:
    """What the files of a folder say: occlusion, combination, discard, filter, turning, each if it is there."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    parts = {"occlusion": _covers, "combination": _score, "filter": _filter, "turning": _turning}
    figures = {name: one.get("figures", one) for name, one in found.items()}
    return [line for name, write in parts.items() if name in figures for line in write(figures)]


def _covers(figures: dict[str, Any]) -> list[str]:
    told = [f"- {name}: {text}." for name, text in figures["occlusion"].items()]
    return [
        "## Covers",
        "",
        "`occlusion`, a line through 96 statistics of the upright face, learnt from painted masks, bars and patches",
        "(`python -m tools.train.occlusion`) and held against photographs of people with and without real masks, which",
        "it never learnt from. Painted faces are spoilt in every other way too.",
        "",
        *told,
        "",
    ]


def _score(figures: dict[str, Any]) -> list[str]:
    told = figures["combination"]
    lines = [
        "## Score",
        "",
        "A line through the unified score, the detector's log odds, landmark misfit, eye distance, sharpness and",
        f"occlusion, learnt on {told['bank']} of Families in the Wild (`python -m tools.train.combination`). Rank",
        "correlation with the cosine to the person, families held out: "
        + ", ".join(f"{name} {value}" for name, value in told.items() if name != "bank")
        + ".",
        "",
    ]
    if "discard" not in figures:
        return lines
    table = [
        "LFW-dev, area under the error-versus-discard curve, the score minus the other: below 0, the score is better.",
        "`20 ours fmr 1e-2`: up to 20 % thrown away, our recogniser, at an FMR of 1 %; `peer` is foamliu's.",
        "",
        "| area | unified score alone | LightQNet | detector's score |",
        "|---|---|---|---|",
    ]
    names = [name.removeprefix("score_minus_unified_") for name in figures["discard"] if "minus_unified" in name]
    for name in names:
        cells = [
            _signed(figures["discard"].get(f"score_minus_{x}_{name}")) for x in ("unified", "lightqnet", "detector")
        ]
        table.append(f"| {name.removeprefix('area_').replace('_', ' ')} | {' | '.join(cells)} |")
    return [*lines, *table, ""]


def _filter(figures: dict[str, Any]) -> list[str]:
    found = figures["filter"]
    lines = [
        "## What the filter saves",
        "",
        f"LFW-dev, {found['frames']:,.0f} frames by a simulated camera (`python -m tools.evaluate filter`); in another",
        f"{_percent(found['no_face'])} no face was found. The gate refuses",
        f"{_percent(found['refused_gate'])} of the frames. FNMR at an FMR of 0.1 and 0.01 %,",
        "each rule at a threshold of its own; a visit is six shots of one picture.",
        "",
        "| | FMR | FNMR, frames | saved | FNMR, visits | saved |",
        "|---|---|---|---|---|---|",
    ]
    for rate in ("1e-3", "1e-4"):
        for rule, title in RULES.items():
            cells = [
                _percent(found.get(f"{kind}_{unit}_{rule}_{rate}"))
                for unit in ("frame", "visit")
                for kind in ("fnmr", "saved")
            ]
            lines.append(f"| {title} | {rate} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "Part of what is left is not the camera's doing: LFW's people turn, age and dress between two pictures. That",
        "other systems report 99.7 % fewer false rejections was measured on other frames; here it is as above.",
        "",
        *_time(found),
    ]


def _time(found: dict[str, Any]) -> list[str]:
    if "gate_in_embeddings" not in found:
        return []
    ratio, here = found["gate_in_embeddings"], found["gate_ms_here"]
    return [
        f"Processor time of the gate with its model: {ratio['value']:.2f}",
        f"[{ratio['low']:.2f}, {ratio['high']:.2f}] times that of an embedding with its mirror image, in one race on",
        f"{ratio['n']} faces; {here['value']:.2f} ms on the machine of the measurement.",
        "",
    ]


def _turning(figures: dict[str, Any]) -> list[str]:
    found = figures["turning"]
    lines = [
        "## Heads that turn",
        "",
        f"{found['tracks']:.0f} tracks of three clips (`python -m tools.evaluate turning`): the gate refuses",
        f"{_percent(found['refused'])} of the frames. Lowest cosine to the enrolled shots:",
        f"{found['lowest_frame']:.2f} of all frames, {found['lowest_accepted_frame']:.2f} of those accepted,",
        f"{found['lowest_best_shots']:.2f} of the best three together.",
        "Intervals are Wilson's over frames that follow one another: too narrow.",
        "",
        "| FMR | every frame | accepted frames | three best shots of a track |",
        "|---|---|---|---|",
    ]
    for rate in ("1e-3", "1e-4"):
        cells = [_percent(found[f"fnmr_{name}_{rate}"]) for name in ("none", "gate", "best_shots")]
        lines.append(f"| {rate} | {' | '.join(cells)} |")
    return [*lines, ""]


def _percent(figure: dict[str, float] | None) -> str:
    if figure is None:
        return "-"
    value, low, high = (100 * figure[name] for name in ("value", "low", "high"))
    return f"{value:.1f} % [{low:.1f}, {high:.1f}] ({figure['n']:,.0f})"


def _signed(figure: dict[str, float] | None) -> str:
    if figure is None:
        return "-"
    return f"{figure['value']:+.4f} [{figure['low']:+.4f}, {figure['high']:+.4f}]"
