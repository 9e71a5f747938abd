"""What models/visits.md says first: whole visits, by the reader's rule and by others.

python -m tools.evaluate visits --data DATA --json work/visits.json
python -m tools.visits_page --figures work/visits.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from edgeface.decide import Options
from tools.page import write_section

PAGE = Path("models/visits.md")
SHOTS = f"{Options().min_shots} to {Options().unknown_shots}"
AIM = 0.5
"""Misses of the reader for one of the vote."""
HEAD = """# Visits

Simulated of LFW-dev: one of everybody with two pictures, made of the last of them (approach, stop, look aside, leave;
5 to 40 frames at 10 a second; light, noise, focus, compression and walking stay the same within a visit). The first
picture is enrolled, as the only one; often years lie between the two.
"""
RULES = {
    "fused": f"the reader's: embeddings added up, weighted steeply by quality, {SHOTS} good shots, the newest agrees",
    "mean_cosine": "mean of the cosines, weighted by quality",
    "likelihoods": "log likelihood ratios, added up over the root of their number",
    "best_frame": "the best shot of the whole visit alone, looked for after it has ended",
    "vote": "weighted vote of Frigate, its default numbers",
}
TOLD = {
    "bar_gallery_100": "score that the reader asks for with 100 enrolled",
    "fnir_at_the_bar_gallery_100": "FNIR at that bar",
    "good_shots_to_a_grant_median": "good shots to a grant, median",
    "good_shots_to_a_grant_90th_percentile": "the same, 90 of 100",
    "frames_to_a_grant_median": "frames from the first sighting to a grant, median",
    "frames_to_a_grant_90th_percentile": "the same, 90 of 100",
    "ms_to_a_grant_median": "ms from the first sighting to a grant, median",
    "ms_to_a_grant_90th_percentile": "the same, 90 of 100",
    "quality_in_embeddings": "processor time of quality a face, in embeddings",
    "tracking_in_embeddings": "of tracking",
    "evidence_in_embeddings": "of matching and evidence, 100 enrolled",
    "all_three_in_embeddings": "of all three",
    "all_three_ms_on_this_machine": "of all three in ms, on the machine of the measurement",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=Path, required=True, help="what tools.evaluate visits --json wrote")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    figures: dict[str, Any] = json.loads(arguments.figures.read_text(encoding="utf-8"))
    if not arguments.page.exists():
        arguments.page.write_text(HEAD, encoding="utf-8")
    write_section(arguments.page, "Rules", _rules(figures))
    write_section(arguments.page, "The reader's own", _told(figures))
    write_section(arguments.page, "Promised and kept", _promises(figures))
    write_section(arguments.page, "Likelihood ratios", _strengths(figures))


def _rules(figures: dict[str, Any]) -> list[str]:
    rows = [f"| {said} | {_said(figures[f'fnir_at_fpir_1e-2_gallery_100_{rule}'])} |" for rule, said in RULES.items()]
    return [
        "FNIR with 100 enrolled, each rule at the threshold where 1 % of the strangers' visits get in.",
        "",
        "| rule | FNIR |",
        "|---|---|",
        *rows,
        "",
        f"For one that the vote misses the reader misses {_said(figures['fnir_fused_to_vote'])} in the same galleries, "
        f"the same people drawn anew for both; half was the aim{_short(figures)}. At its default threshold "
        f"the vote lets in {_said(figures['fpir_gallery_100_vote_default'])} of the strangers' visits and misses "
        f"{_said(figures['fnir_gallery_100_vote_default'])}; were so many let in, the reader would miss "
        f"{_said(figures['fnir_gallery_100_fused_at_fpir_of_vote_default'])}, "
        f"{_said(figures['fnir_fused_to_vote_at_its_default'])} for one of the vote's.",
    ]


def _short(figures: dict[str, Any]) -> str:
    return "" if figures["fnir_fused_to_vote"]["value"] <= AIM else ", which is missed: below stands what was tried"


def _told(figures: dict[str, Any]) -> list[str]:
    rows = [f"| {said} | {_said(figures[name])} |" for name, said in TOLD.items()]
    refused = [
        f"| refused, worst reason: {name.removeprefix('refused_').replace('_', ' ')} | {_said(figure)} |"
        for name, figure in figures.items()
        if name.startswith("refused_")
    ]
    few = f"| visits without three good shots | {_said(figures['visits_without_enough_good_shots'])} |"
    return ["| | value [95 % interval] (n) |", "|---|---|", *rows, few, *refused]


def _promises(figures: dict[str, Any]) -> list[str]:
    names = sorted(name for name in figures if name.startswith("fpir_promised_"))
    rows = []
    for name in names:
        promised, size = name.removeprefix("fpir_promised_").split("_gallery_")
        rows.append(f"| {size} | {promised} | {_said(figures[name])} |")
    head = "Shares of strangers' visits let in; the tail is fitted to one half of the people, the other half visits."
    return [head, "", "| enrolled | promised | seen |", "|---|---|---|", *rows]


def _strengths(figures: dict[str, Any]) -> list[str]:
    told = [name for name in figures if name.startswith("visit_strength_told_")]
    rows = [f"| {name.rpartition('told_')[2].replace('_', ' ')} | {_said(figures[name])} |" for name in told]
    return [
        "What every decision tells as `strength`, and `edgeface explain` in words: log10 of how many times likelier a "
        "whole visit's score is of one person than of two. The line is fitted to one half of the people and read off "
        "for the other; n counts visits of the person himself, the percentiles are those of the halvings. The line is "
        "level beyond its ends, as nothing was measured there.",
        "",
        "| told | seen |",
        "|---|---|",
        *rows,
        "",
        f"Cost in bits (Cllr): {_said(figures['visit_cllr'])}; the least of any rising line "
        f"{_said(figures['visit_min_cllr'])}. Ratios do not decide: the bar does, as it knows how many are enrolled.",
    ]


def _said(figure: Any) -> str:
    if isinstance(figure, dict):
        return f"{figure['value']:.3g} [{figure['low']:.3g}, {figure['high']:.3g}] ({figure['n']:,})"
    return f"{figure:.3g}"


if __name__ == "__main__":
    main()
