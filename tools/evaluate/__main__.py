"""Measure the reader on development sets, through its own code: detector, alignment, int8 embedder, template.

    python -m tools.evaluate all --data DATA --out DIR --peers WEIGHTS --utkface UTKFACE

runs every measure below and writes DIR/report.md, report.html and report.json with plots beside them. A measure that
stands in DIR, made with the same models, data, code and options, is not run again; `--fresh` does so.
`--only lfw,boxes` runs some, `--quick` one in eight of everything. In place of `all` a measure may be named.

{measures}

DATA is the folder of the archives (lfw-dev.tar, london-cc-by.tar, pose-dev.tar, boxes-dev.tar); WEIGHTS that of other
people's models, which are then measured beside ours on the same pictures; UTKFACE holds that set's pictures. Every rate
comes with n and a 95 % interval. `--home` chooses the models: those in use in that edgeface home, the shipped ones
where there is none. Exit code 66: an archive that a wanted measure needs is missing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edgeface.service.bootstrap import load_models
from tools.evaluate import record, report
from tools.evaluate.acquire import Bench, Measure
from tools.evaluate.attacks import attacks
from tools.evaluate.boxes import boxes_dev
from tools.evaluate.budget import budget
from tools.evaluate.challenge import challenge
from tools.evaluate.discard import discard
from tools.evaluate.fairness import fairness
from tools.evaluate.filtering import filtering
from tools.evaluate.identification import identify
from tools.evaluate.installs import installs
from tools.evaluate.pace import pacing
from tools.evaluate.poses import pose_dev
from tools.evaluate.presence import presence
from tools.evaluate.robustness import robust
from tools.evaluate.speed import speed
from tools.evaluate.tracks import tracks
from tools.evaluate.turning import turning
from tools.evaluate.utkface import utkface
from tools.evaluate.verification import lfw
from tools.evaluate.visits import visits

ALL = "all"
INCOMPLETE = 66
"""EX_NOINPUT of sysexits: something to measure with is not there."""

MEASURES: dict[str, Measure] = {
    "lfw": Measure(
        title="Verification: LFW-dev",
        run=lfw,
        needs=("lfw-dev.tar",),
        method="LFW View 2 (Huang et al., 2007), folds 1 to 3: 1,800 pairs. Accuracy judges each fold at the "
        "threshold that is best on the others; TAR at FAR takes the threshold from the set's own pairs of "
        "strangers; thresholds at FMR come from all pairs of different people among the pictures. A picture "
        "without a detected face matches nobody. Peers get the same faces and landmarks, by our detector, and"
        " their templates a byte a dimension too. Intervals: bootstrap over people, Wilson for failure to acquire.",
    ),
    "identify": Measure(
        title="Open-set identification: LFW-dev",
        run=identify,
        needs=("lfw-dev.tar",),
        method="Terms of ISO/IEC 19795-1:2021: FPIR(N, T) is the share of non-mated searches that return anybody at "
        "threshold T, FNIR(N, 1, T) the share of mated searches that do not return the right person at rank 1"
        " or return him below T. One reference template a person, from one picture; each probe is another "
        "single picture; at least 100 random galleries of each size N. The reader's decisions rest on several"
        " shots and differ. A probe without a face counts: a mated search then fails. Intervals: bootstrap "
        "over the people of the probes.",
    ),
    "visits": Measure(
        title="Whole visits: LFW-dev",
        run=visits,
        needs=("lfw-dev.tar",),
        method="**Simulated visits**: one of everybody with two pictures, made of the last of them (approach, stop, "
        "look aside, leave; 5 to 40 frames; light, noise, focus, compression and walking stay the same within a visit),"
        " found again by our detector in every frame. The first picture is enrolled, as the only one. FNIR and FPIR by "
        "visit, at the threshold where 1 % of the strangers get in, for the reader's rule and four others on the "
        "same embeddings; the vote is Frigate's, in our own words, with its default numbers. *Promised* FPIR: the "
        "tail is fitted to one half of the people, the other half visits galleries of its own; 95 % of 40 "
        "halvings. Other intervals: bootstrap over people.",
    ),
    "pace": Measure(
        title="Frames left out",
        run=pacing,
        needs=("lfw-dev.tar",),
        method="Simulated visits as above, of other chances, each after two to four seconds of an empty wall with the "
        "same camera's noise and light, 10 frames a second, 100 people enrolled. Every film is watched twice: every "
        "frame, and at the reader's own pace (`edgeface.pace`). `decision later` counts from the first frame of the "
        "film; `first look later` is the motion gate alone, were no look due by time; `idle moved by` is how often "
        "an empty wall seems to move at that setting; `gate in detections` its processor time in times of a look for "
        "faces on 640x480 pixels. Intervals: Wilson over frames or visits, bootstrap over visits.",
    ),
    "robust": Measure(
        title="Robustness: spoilt probes, LFW-dev",
        run=robust,
        needs=("lfw-dev.tar",),
        method="The second picture of every LFW-dev pair is spoilt: far (24, 16, 12 px wide), noise, dark, mask, eye"
        " band, motion, JPEG at quality 8, loose landmarks. `tar mean` is the degraded mean: over all ten, each at the "
        "threshold at which 1 % of the strangers' pairs with the same fault match. Landmarks are those of the clean "
        "picture, or of the face found again in the spoilt one. Intervals: bootstrap over people, who are drawn once "
        "for all ten; Wilson for faces not found.",
    ),
    "fairness": Measure(
        title="Groups: London Set",
        run=fairness,
        needs=("london-cc-by.tar",),
        method="Face Research Lab London Set, neutral against smiling, by gender, ethnicity and age: FNMR of each "
        "group, and FMR of its members among each other, at the reader's threshold and at the one that lets 1"
        " % of all strangers pass. Groups of fewer than five people are left out. Intervals: Wilson for FNMR,"
        " bootstrap over people for FMR.",
    ),
    "utkface": Measure(
        title="Groups: UTKFace, strangers only",
        run=utkface,
        needs=(),
        option="utkface",
        method="UTKFace's labels (age, gender, ethnicity, in the file's name), adults, 300 pictures of every gender "
        "and ethnicity. Mostly one picture a person, so that only the FMR can be measured: within each group,"
        " and across. **UTKFace is among the training sets of our embedder: these figures are optimistic**; "
        "they are for comparing groups, not for stating a rate. Its few people with several pictures count as"
        " strangers, which errs the other way. Intervals: bootstrap over pictures.",
    ),
    "pose": Measure(
        title="Turned heads: AFLW2000-3D",
        run=pose_dev,
        needs=("pose-dev.tar",),
        method="AFLW2000-3D (Zhu et al., 2016), even numbers, working size 320 px. A face is found if the strongest "
        "detection that overlaps its box by 0.35 scores above the threshold at which all pictures together "
        "have one false alarm in ten, each detector at its own; bystanders without a label count as false "
        "alarms. Landmark error: mean distance of five landmarks in parts of the face's size, over the faces "
        "found. Pose: mean absolute error over faces within 99 degrees, FSA-Net on the boxes of our detector."
        " Intervals: Wilson for shares, bootstrap over pictures for means and differences.",
    ),
    "boxes": Measure(
        title="Detection: street pictures",
        run=boxes_dev,
        needs=("boxes-dev.tar",),
        method="Street and group pictures with even numbers, which were not trained on; most faces wear masks. "
        "Average precision (all points) at overlap 0.5 for faces of 24 px and more; smaller ones count "
        "neither way. Detectors get the same letterbox. Intervals: bootstrap over pictures.",
    ),
    "liveness": Measure(
        title="Presentation attacks, simulated",
        run=attacks,
        needs=("lfw-dev.tar", "london-cc-by.tar", "boxes-dev.tar", "clips-cc-by.tar"),
        model="liveness",
        method="Terms of ISO/IEC 30107-3: APCER is the share of the attacks of one species that pass, BPCER that of "
        "the bona fide presentations that are refused. **Every attack is simulated (tools/attacks); this is "
        "no PAD certification.** People of LFW-dev (without 32 px on every side, where most pictures are "
        "black) and the London Set, none of whom was trained on; rooms from street pictures, not trained on "
        "either. Four species were trained on, four were not. Thresholds at a BPCER of 1 and 5 % are each "
        "system's own, over all bona fide presentations: photographs as they are, and "
        "through the simulated camera. Faces are found by our detector; shots without a face that can be "
        "judged count as non-responses. The peer sees the same shots and boxes. Intervals: Wilson, bootstrap over "
        "shots for differences, the thresholds held; a person is in several shots, so they are a little narrow.",
    ),
    "presence": Measure(
        title="Presentation attacks over a visit, simulated",
        run=presence,
        needs=("lfw-dev.tar", "london-cc-by.tar", "boxes-dev.tar"),
        model="liveness",
        method="Films of 15 frames in 1.5 s, 60 a kind, people and rooms as for single attacks. **All are simulated "
        "(tools/attacks/film.py), the turning heads too**: a photograph moved by the depth of a generic head. A visitor"
        " turns the head by 12 to 25 degrees or just sways; prints, bent prints and monitors are held still, shaken or "
        "tilted by 15 to 40 degrees; a screen plays a turning head; masks turn with their bearer. The picture model"
        " judges every third frame, at its own threshold. Motion passes if a face is solid at any frame. Intervals: "
        "Wilson; people recur.",
    ),
    "challenge": Measure(
        title="A challenge: turns of the head, asked for by chance",
        run=challenge,
        needs=("lfw-dev.tar", "london-cc-by.tar", "boxes-dev.tar", "clips-cc-by.tar"),
        method="40 visits a kind, ten frames a second, until the challenge is over; people and rooms as for single "
        "attacks. **All but the clips are simulated, the turning heads too.** A visitor sees each prompt and, 0.35 to "
        "0.9 s later, turns a generic head by a nominal 25 to 45 degrees, of which our pose sees about two thirds; "
        "nobody takes left for right. Prints and monitors are held still or tilted to the order; a phone plays turns "
        "at its own pace, or waits for each prompt and has turns of another order; a puppet turns as asked, and so "
        "does a mask on somebody who answers. The clips are real heads that turn unasked, each played to 100 "
        "challenges. Intervals: Wilson; people recur, and the orders of one clip are not independent.",
    ),
    "discard": Measure(
        title="Quality: error versus discard, LFW-dev",
        run=discard,
        needs=("lfw-dev.tar",),
        model="quality",
        method="Mated pairs of LFW-dev, the second picture once as it is and once under each fault of the robustness"
        " measure, its face found again. A comparison is as good as the lesser of its two pictures; the worst"
        " are thrown away while the threshold stays where 1 % (or 0.1 %) of all comparisons of two people "
        "match. Areas under the curve, the less the better; `random` is worth nothing, `oracle` knows the "
        "score itself. Intervals: bootstrap over people.",
    ),
    "filter": Measure(
        title="Quality: false rejections saved, LFW-dev",
        run=filtering,
        needs=("lfw-dev.tar",),
        model="quality",
        method="The second picture of every mated pair of LFW-dev is shot six times by a simulated camera "
        "(`tools.camera`: covers, light, lens, motion, distance, sensor, JPEG, cropping, alone or together), its face "
        "found again. FNMR at a false match rate of 0.1 and 0.01 % over all comparisons of two people, each rule at a "
        "threshold of its own; `saved` is the part of the false non-matches that goes. A visit is the six shots of "
        "one picture, its score their quality-weighted mean; one without a frame left is a false rejection. `gate` "
        "is the filter as it ships, `score` its score alone. `gate in embeddings` is its processor time, its model "
        "included, in times of an embedding. Intervals: bootstrap over people, thresholds held.",
    ),
    "turning": Measure(
        title="Quality: heads that turn",
        run=turning,
        needs=("clips-cc-by.tar", "lfw-dev.tar"),
        model="quality",
        method="Three clips (CC BY 4.0), a track at a time. Enrolled are the three frames of the first third that "
        "score best; of what comes after, every frame, those that the gate accepts, and the three that score best are "
        "compared, at the thresholds at which 0.1 and 0.01 % of LFW-dev's strangers match. Few people: intervals are "
        "Wilson's over frames, too narrow.",
    ),
    "tracks": Measure(
        title="Tracking: composed crowds and clips",
        run=tracks,
        needs=("lfw-dev.tar", "boxes-dev.tar", "clips-cc-by.tar"),
        method="Composed films with known truth (`tools.crowds`): heads cut out of one LFW-dev photograph each, "
        "before a blurred street, 6 s at 10 frames a second, 20 films of each of six scripts. CLEAR MOT "
        "(Bernardin and Stiefelhagen, 2008) and IDF1 (Ristani et al., 2016), overlap 0.4; faces of which "
        "less than half is seen need not be found. The same faces, gate and embeddings go to the reader "
        "and to the reader with two other trackers: greedy overlap, which it had before, and the nearest "
        "centroid. Every second person is enrolled, with another picture; the bar is the reader's own. "
        "Clips: how many tracks the visitors of three real clips are. Intervals: bootstrap over films, "
        "paired for differences; Wilson for decisions, grants and people let in; bootstrap over people "
        "for likeness.",
    ),
    "speed": Measure(
        title="Time of the parts",
        run=speed,
        needs=("lfw-dev.tar",),
        option="peers",
        method="Detectors on LFW-dev's pictures at working sizes of 320 and 640 px, letterbox and decoding included,"
        " and embedders on aligned faces, one thread, in one race. Ours in processor milliseconds, which mean"
        " nothing beyond this machine; the others as multiples of ours on the same picture. Intervals: "
        "bootstrap over pictures.",
    ),
    "budget": Measure(
        title="Accuracy within a time budget",
        run=budget,
        needs=("lfw-dev.tar",),
        option="peers",
        method="Whole chains from decoded pixels to an embedding, one thread, in the manner of WebFace260M's FRUITS "
        "protocol (Zhu et al., CVPR 2021): how well is a face recognised by what fits into a time limit? The "
        "chains and a reference workload take turns on the same pictures in one run; budgets are multiples of"
        " our own chain's time. Times are processor time, all threads together. **Milliseconds of one machine"
        " mean nothing by themselves: trust the ratios.** Accuracy as under verification, but every chain "
        "finds its own faces. Intervals: bootstrap over people, and over pictures for times.",
    ),
    "installs": Measure(
        title="Other people's models, installed",
        run=installs,
        needs=("lfw-dev.tar", "pose-dev.tar", "train-faces.npz"),
        option="peers",
        method="Every model of the catalogue, converted from its maker's files by `edgeface models install`: `before` "
        "is the original in its own runtime, `after` the converted file, both in the reader beside its own other "
        "model. `to original`: time of the original over that of the converted file; `to ours`: time of the converted "
        "file over that of our model for the task. `with`: the reader on two of them, time from picture to embedding "
        "as a multiple of our own chain's. Processor time, one thread, in one race. Nothing converted is shipped. "
        "Intervals as under verification; bootstrap over rounds or pictures for times.",
    ),
}
"""What there is to measure, in the order of the report. A new line needs no change elsewhere."""


def main() -> None:
    arguments = _parse()
    bench = Bench(
        data=arguments.data,
        loaded=load_models(arguments.home),
        home=arguments.home,
        peers=arguments.peers,
        utkface=arguments.utkface,
        quick=arguments.quick,
    )
    wanted = {name: MEASURES[name] for name in arguments.names}
    taken = record.take(bench, wanted, arguments.out, fresh=arguments.fresh)
    report.show(taken)
    if arguments.json:
        arguments.json.write_text(record.to_json(taken.records[arguments.what]["figures"]), encoding="utf-8")
    if arguments.out:
        everything = record.read_all(arguments.out, MEASURES)
        report.write(arguments.out, everything, MEASURES, taken.missing, arguments)
        print(f"wrote {arguments.out / 'report.md'}")
    if any(one.incomplete for one in taken.missing):
        sys.exit(INCOMPLETE)


def _parse() -> argparse.Namespace:
    lines = "\n".join(f"    {name:10} {one.title}" for name, one in MEASURES.items())
    text = __doc__.replace("{measures}", lines)
    parser = argparse.ArgumentParser(
        prog="python -m tools.evaluate", description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=(ALL, *MEASURES), metavar="WHAT", help="all, or one of the measures above")
    parser.add_argument("--data", type=Path, required=True, help="folder of the archives")
    parser.add_argument("--out", type=Path, help="folder for the report, its plots and what a later run may reuse")
    parser.add_argument(
        "--peers", type=Path, metavar="WEIGHTS", help="folder of other people's models, to stand beside"
    )
    parser.add_argument("--utkface", type=Path, metavar="DIR", help="folder of UTKFace's pictures")
    parser.add_argument("--only", help="some of all, by name, with commas between")
    parser.add_argument("--quick", action="store_true", help="one in eight of everything, to see that all runs")
    parser.add_argument("--fresh", action="store_true", help="measure again what DIR already holds")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--json", type=Path, help="keep the figures of a single measure in this file")
    arguments = parser.parse_args()
    arguments.names = _names(parser, arguments)
    return arguments


def _names(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> list[str]:
    """Measures asked for; ends the program with a sentence if the command line makes no sense."""
    if arguments.what != ALL:
        if arguments.only:
            parser.error("--only goes with all")
        return [arguments.what]
    if arguments.json:
        parser.error("--json goes with a single measure; all writes its figures into --out")
    if not arguments.out:
        parser.error("all needs --out DIR")
    names = arguments.only.split(",") if arguments.only else list(MEASURES)
    if unknown := [name for name in names if name not in MEASURES]:
        parser.error(f"--only: there is no measure {unknown[0]}; there are {', '.join(MEASURES)}")
    return names


if __name__ == "__main__":
    main()
