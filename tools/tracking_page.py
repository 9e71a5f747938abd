"""models/tracking.md, written out of what `tools.evaluate tracks` kept, so that no figure is copied by hand.

python -m tools.evaluate tracks --data DATA --out work/figures
python -m tools.tracking_page --figures work/figures
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeface.track import Options
from tools.evaluate.clips import WAYS
from tools.evaluate.report import cell
from tools.evaluate.tracks import OVERALL, PARTS, WITHOUT
from tools.install_model import MODELS

Figures = Mapping[str, Any]
SAYS = {
    "idf1": "IDF1",
    "switches_per_person": "identity switches a person",
    "fragments_per_person": "fragmentations a person",
    "tracks_per_person": "tracks a person",
    "mota": "MOTA",
    "missed": "faces missed, of those that count",
    "false": "faces told where nobody is, to those that count",
    "decisions_of_mixed_shots": "decisions by shots of two people",
    "grants_to_the_wrong_person": "grants to the wrong person",
    "enrolled_let_in": "people enrolled who are let in",
    "seconds_to_a_grant": "seconds from the first frame to the grant",
}
LIMITS = {
    "own_shots_turned_away": "a visitor's own good shot is turned away",
    "shots_of_others_passed": "a good shot of another person in the film passes",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=Path, default=Path("work/figures"), help="folder of tools.evaluate --out")
    arguments = parser.parse_args()
    record = json.loads((arguments.figures / "tracks.json").read_text(encoding="utf-8"))
    (MODELS / "tracking.md").write_text("\n".join(page(record)), encoding="utf-8")
    print("wrote models/tracking.md")


def page(record: Mapping[str, Any]) -> list[str]:
    """The lines of the page."""
    ours, peers = record["figures"], record["by_peer"]
    films, enrolled = int(ours["films"]), int(ours["people_enrolled"])
    return [
        "# Tracking, measured",
        "",
        "`python -m tools.evaluate tracks --data DATA --out DIR`, then `python -m tools.tracking_page`. "
        f"**{films} composed",
        "films** (`python -m tools.crowd_bank`): heads of LFW-dev people, cut out of one photograph each, "
        "move before a",
        "blurred street for 6 s at 10 frames a second. They cross, meet and turn back, wander, walk behind a "
        "pillar, leave",
        "and come back, or step into another's place; nearer ones hide others. Faces of which less than half "
        "is seen need",
        f"not be found. {enrolled} of the people are enrolled, with another picture. The three trackers get "
        "the same faces,",
        "gate and embeddings; *greedy* is what the reader did before, *centroid* takes the nearest middle. "
        "95 % intervals",
        "by bootstrap over films; Wilson's for decisions, grants and people. MOTA and fragmentations as in "
        "CLEAR MOT, IDF1",
        "as by Ristani et al. (2016).",
        "",
        *_table(ours, peers, record["ahead"]),
        "",
        "A switch is counted whenever a face is told by another number than before. Who comes back has a new "
        "number until",
        "his first good shot, and then his old one: two switches.",
        "",
        *_scripts(ours, peers),
        "",
        *_parts(ours),
        *_looks(ours),
        *_clips(ours, peers),
        "## Time",
        "",
        "Tracking, evidence and judging by face, one thread, in times of an embedding with its mirror image, "
        "in one race",
        f"on the same films: {cell(ours['time_a_face_in_embeddings_ours'])}; the reader with the greedy tracker",
        f"{cell(ours['time_a_face_in_embeddings_greedy_overlap'])}. On the machine of the measurement",
        f"{cell(ours['ms_a_face_here'])} ms a face.",
        "",
    ]


def _parts(ours: Figures) -> list[str]:
    rows = [
        f"| without {name.replace('_', ' ')} | {' | '.join(cell(ours[f'{rate}_without_{name}']) for rate in WITHOUT)} |"
        for name in PARTS
    ]
    return [
        "## What each part is worth",
        "",
        f"| | {' | '.join(SAYS[rate] for rate in WITHOUT)} |",
        f"|---|{'---|' * len(WITHOUT)}",
        f"| all of it | {' | '.join(cell(ours[rate]) for rate in WITHOUT)} |",
        *rows,
        "",
        "*Faint faces* are those between `faint_score` and the detector's threshold, which go on a track; *jumps*",
        "link a face up to `max_jump` widths from where it was expected; *memory* resumes tracks for `memory_s`.",
        "",
    ]


def _looks(ours: Figures) -> list[str]:
    steady, doubt = Options().min_likeness, Options().min_likeness_in_doubt
    rows = [f"| {says} | {cell(ours[name])} | {cell(ours[name + '_in_doubt'])} |" for name, says in LIMITS.items()]
    return [
        "## Looks",
        "",
        f"Below {steady:g} of the score that the embedder's card asks for, a good shot is somebody else's; "
        f"below {doubt:g},",
        "if the track was missed, jumped, is faint or touches another face. Likeness is the cosine to the "
        "nearest of the",
        "two best shots so far. Bootstrap over people.",
        "",
        "| | steady | in doubt |",
        "|---|---|---|",
        *rows,
        "",
    ]


def _clips(ours: Figures, peers: Mapping[str, Figures]) -> list[str]:
    rows = [
        f"| {way.replace('_', ' ')} | {' | '.join(_whole(one, way) for one in (ours, *peers.values()))} |"
        for way in WAYS
    ]
    return [
        "## Real clips",
        "",
        f"Three clips (CC BY 4.0) of {int(ours['clips_visitors'])} visitors who turn their heads; nobody crosses. How",
        "many have one number at the beginning and at the end: as filmed (12.5 frames a second), of every third frame,",
        "and with a second missing in the middle.",
        "",
        f"| | ours | {' | '.join(peers)} |",
        f"|---|---|{'---|' * len(peers)}",
        *rows,
        "",
    ]


def _table(ours: Figures, peers: Mapping[str, Figures], ahead: Mapping[str, Figures]) -> list[str]:
    first = next(iter(ahead))
    rows = [
        f"| {says} | {cell(ours[name])} | {' | '.join(cell(one[name]) for one in peers.values())} | "
        f"{cell(ahead[first].get(name)) if name in OVERALL else ''} |"
        for name, says in SAYS.items()
    ]
    return [f"| | ours | {' | '.join(peers)} | ours minus {first} |", f"|---|---|{'---|' * len(peers)}---|", *rows]


def _scripts(ours: Figures, peers: Mapping[str, Figures]) -> list[str]:
    names: Sequence[str] = [name for name in next(iter(peers.values())) if name.startswith("switches_per_person_")]
    rows = [
        f"| {name.removeprefix('switches_per_person_')} | {cell(ours[name])} | "
        f"{' | '.join(cell(one[name]) for one in peers.values())} |"
        for name in names
    ]
    return [f"| switches a person | ours | {' | '.join(peers)} |", f"|---|---|{'---|' * len(peers)}", *rows]


def _whole(figures: Figures, way: str) -> str:
    return f"{figures[f'clips_same_number_{way}']:.0f}"


if __name__ == "__main__":
    main()
