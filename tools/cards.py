"""Write the model cards out of measured figures, so that no figure is copied by hand.

    python -m tools.cards --figures work/figures

reads, from that folder, what the other tools kept: lfw.json, robust.json and so on (tools.evaluate --json),
quantize-detector.json and quantize-embedder.json (tools.quantize --report), benchmark.json (tools.benchmark --json), and
the learning curves curve-detector.jsonl and curve-embedder.jsonl; writes the two cards beside the models, and the tables between the markers of README.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from edgeface.adapters import manifest
from edgeface.adapters.manifest import Entry
from tools.install_model import MODELS

README = MODELS.parent / "README.md"
FIGURES = "<!-- figures: written by tools/cards.py -->", "<!-- end of figures -->"
PEERS = "<!-- peers: written by tools/cards.py -->", "<!-- end of peers -->"

DETECTOR = """\
# edgeface-detect-320

Finds faces: box, score, five landmarks and head pose in one pass. Full int8 (weights per channel, activations, input and
output), every operator in one XNNPACK delegate; any input size whose sides are multiples of 32.

| | |
|---|---|
| file | `{file}`, {size} KiB, sha256 `{sha256}` |
| licence | Apache-2.0 |
| network | dense 3x3 convolutions and residual blocks with ReLU, maps at strides 8, 16 and 32, no feature pyramid, no anchors; 0.69 M parameters, 216 M multiply-adds at 320x320 (`tools/detector_net.py`) |
| teachers | YuNet (Apache-2.0): boxes and landmarks; FSA-Net pair (MIT): head pose |
| training data | 30,984 pictures, 28,769 faces: pictures with surroundings (CelebA-HQ part, two mask sets, the odd-numbered half of a CC0 set of street pictures), tight faces (UTKFace, Families in the Wild) composed onto scenes without people, faces redrawn at large angles; labelled by the teachers (`tools/label_scenes.py`, `tools/turn_faces.py`). Research sets, fetched, never shipped. No LFW, no AFLW2000-3D, no near-copies of either evaluation set; reserved families left out where labelled. Faces were not filtered by likeness to evaluation people: the detector learns no identities |
| training | `tools/train_detector.py`, {images} samples seen, seed 1. Turned faces were added at 85,000 and 125,000 samples, a noise fault mended at 165,000; the rate fell to zero at 238,000 and 420,000 and rose again to a half. A clean run on the final mix has not been made |
| signs | yaw positive: nose towards the left of the picture; pitch positive: nose up; roll positive: clockwise as seen |

## Measured (int8, through the reader's own code)

{figures}

pose-dev is AFLW2000-3D, even numbers, 979 pictures of up to 256 px, working size 320. A face is found if the strongest
detection that overlaps its box by 0.35 scores above the threshold at which all pictures together have one false alarm in
ten; unlabelled bystanders count as false alarms. Landmark error is the mean distance of the five landmarks in parts of
the face's size. Intervals are 95 %: Wilson for shares, bootstrap over pictures for means. boxes-dev are the street
pictures with even numbers, which were not trained on; most faces there wear masks. Reproduce with
`python -m tools.evaluate pose --data DATA` and `python -m tools.evaluate boxes --data DATA`.

## Quantization

Signal to quantization noise of the nine outputs (score, shape, pose at each stride): {noise} dB. The layers that lose
most: {worst}.

## Not for

Faces below about 12 px at the working size, and profiles: recall falls with yaw as the table shows. Some emblems look
like faces to it: the badge on a naval officer's cap scores up to 0.86. It does not tell a person from a picture of one.

The reader's own threshold (`min_score`) is {min_score:g}, stricter than the working point above: every one of 580 LFW-dev
pictures (each fourth) has a face above 0.84, and on pose-dev it leaves 0.014 false alarms a picture at 98.9 % recall for
yaw up to 30 degrees.
"""

EMBEDDER = """\
# edgeface-embed-80

Turns an aligned face into a direction in 128 dimensions, stored as 128 bytes. Full int8 (weights per channel,
activations, input and output), every operator in one XNNPACK delegate.

| | |
|---|---|
| file | `{file}`, {size} KiB, sha256 `{sha256}` |
| licence | Apache-2.0 |
| input | 80x80 RGB, tight crop by five landmarks; run on the chip and its mirror image, outputs added |
| network | dense 3x3 residual network with ReLU, widths 24-48-112-144, global depthwise convolution, 1.46 M parameters, 125 M multiply-adds (`tools/nets.py`) |
| teachers | MobileFaceNet of ESP-DL (MIT) and face-reidentification-retail-0095 of Open Model Zoo (Apache-2.0), concatenated, reduced to 128 dimensions |
| training data | 42,764 aligned faces of UTKFace, Families in the Wild (without the reserved families), CelebA-HQ, mask sets and RMFRD; research sets, fetched, never shipped. Faces with an ensemble cosine above 0.45 to any LFW picture had been left out of the archive |
| training | `tools/train_embedder.py`: cosine to the teachers' target, Muon and AdamW, {images} samples seen, seed 1; the rate fell to zero at 1,660,000 and rose again to a half. Validation cosine {cosine} on 1,500 held-out faces |

## Measured (int8, 128-byte templates, found and aligned by edgeface-detect-320, through the reader's own code)

{figures}

LFW-dev is LFW View 2, folds 1 to 3: 1,800 pairs; accuracy by threshold from the other folds, intervals by bootstrap over
people. Thresholds come from all {impostors:,.0f} pairs of different people among its pictures; FNMR at them from the 900 mated
pairs. A picture without a detected face counts as a non-match. Reproduce with `python -m tools.evaluate lfw --data DATA`.

The reader's threshold (`grant`) is {grant:g}: a false match rate of 1 in 10,000 for one comparison of single pictures. A
decision needs several shots of one visitor, so its own rates differ; they are not measured yet.

## Spoilt probes

{robust}

TAR at FAR 1 %, the second picture of each pair spoilt, aligned by the landmarks of the clean one; the threshold comes
from the impostors of the same set. `python -m tools.evaluate robust --data DATA`.

## Among many

{identify}

Open-set identification of single pictures at the reader's threshold and at the one that lets 1 % of strangers' searches
pass, one template a person, intervals by bootstrap over people. `python -m tools.evaluate identify --data DATA`.

## Groups

{fairness}

London Set, {london:.0f} people, neutral against smiling, at the reader's threshold; the groups are too small to tell them
apart (none of 13 people missed proves less than 23 %). At a common FMR of 1 % over all pairs, Black faces were mistaken
for each other more often than the rest: {black}
against {everyone} for all groups. Whether the training faces
explain that is not known; a better balanced set should be tried. `python -m tools.evaluate fairness --data DATA`.

## Quantization

Mean cosine of float to int8 over the calibration chips: {int8_cosine}; signal to quantization noise {noise} dB. The
layers that lose most: {worst}. {float_line}

## Learning curve

| samples | training cosine (spoilt faces) | validation cosine (clean) |
|---|---|---|
{curve}

## Not for

Unattended doors: this model alone does not tell a person from a picture of one, and one in ten thousand strangers'
comparisons passes by design, which adds up in a large gallery.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=Path, default=Path("work/figures"))
    folder = parser.parse_args().figures
    entries = manifest.read(manifest.shipped())
    detector, embedder = entries["edgeface-detect-320"], entries["edgeface-embed-80"]
    faces = {**_json(folder / "pose.json"), **_json(folder / "boxes.json")}
    pairs = _json(folder / "lfw.json")
    _write(detector, _detector_card(detector, faces, folder))
    _write(embedder, _embedder_card(embedder, pairs, folder))
    _fill_readme(pairs, faces)
    _fill_peers(_json(folder / "benchmark.json"))


def _detector_card(entry: Entry, figures: dict[str, Any], folder: Path) -> str:
    report = _json(folder / "quantize-detector.json")
    return DETECTOR.format(
        **_facts(entry),
        images=f"{_curve(folder / 'curve-detector.jsonl')[-1]['images']:,}",
        figures=_table(figures),
        min_score=entry.spec.thresholds["min_score"],
        noise=" / ".join(f"{value:.0f}" for value in report["noise_db"]),
        worst=_worst(report),
    )


def _embedder_card(entry: Entry, figures: dict[str, Any], folder: Path) -> str:
    report, curve = _json(folder / "quantize-embedder.json"), _curve(folder / "curve-embedder.jsonl")
    robust, identify, fairness = (_json(folder / f"{name}.json") for name in ("robust", "identify", "fairness"))
    float_file = folder / "lfw-float.json"
    float_line = ""
    if float_file.exists():
        value = _json(float_file)["accuracy"]
        float_line = f"The float network scores {_cell(value)} on the same LFW-dev pairs, aligned by the same detector."
    return EMBEDDER.format(
        **_facts(entry),
        images=f"{curve[-1]['images']:,}",
        cosine=curve[-1]["val_cos"],
        figures=_table(figures),
        impostors=figures["impostor_pairs"],
        grant=entry.spec.thresholds["grant"],
        int8_cosine=report["cosine"][0],
        noise=f"{report['noise_db'][0]:.0f}",
        worst=_worst(report),
        robust=_table({name: value for name, value in robust.items() if name.startswith("tar_")}),
        identify=_table({name: value for name, value in identify.items() if "fpir" in name or "fnir" in name}),
        fairness=_table({name: value for name, value in fairness.items() if _is_group_rate(name)}),
        london=fairness["people"],
        black=_cell(fairness["fmr_ethnicity_black_at_fmr_1e-2"]),
        everyone=_cell(fairness["fmr_ethnicity_all_at_fmr_1e-2"]),
        float_line=float_line,
        curve=_curve_rows(curve),
    )


def _is_group_rate(name: str) -> bool:
    """At the reader's threshold, without remarks."""
    return name.startswith(("fmr_", "fnmr_")) and "_at_" not in name and not name.endswith("_says")


def _curve_rows(curve: list[dict[str, Any]]) -> str:
    kept = curve[:: max(1, len(curve) // 10)]
    if kept[-1] is not curve[-1]:
        kept.append(curve[-1])
    return "\n".join(f"| {one['images']:,} | {one['train_cos']} | {one['val_cos']} |" for one in kept)


def _facts(entry: Entry) -> dict[str, str]:
    size = (entry.folder / entry.spec.file).stat().st_size
    return {"file": entry.spec.file, "sha256": entry.spec.sha256, "size": f"{size / 1024:.0f}"}


def _table(figures: dict[str, Any]) -> str:
    rows = [f"| {name.replace('_', ' ')} | {_cell(value)} |" for name, value in figures.items()]
    return "\n".join(["| figure | value [95 % interval] (n) |", "|---|---|", *rows])


def _cell(value: dict[str, Any] | float) -> str:
    if not isinstance(value, dict):
        return f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"
    return f"{value['value']:.4g} [{value['low']:.4g}, {value['high']:.4g}] ({value['n']:,})"


def _worst(report: dict[str, Any]) -> str:
    """The three inner tensors with the least signal to noise; names as the converter gives them, shortened."""
    shown = list(report["worst_layers"].items())[:3]
    return ", ".join(f"`{name.split(';')[0].rsplit('/', 2)[-1][-48:]}` {decibels:.0f} dB" for name, decibels in shown)


def _write(entry: Entry, text: str) -> None:
    path = MODELS / f"{entry.spec.name}.md"
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path.name}")


def _fill_readme(pairs: dict[str, Any], faces: dict[str, Any]) -> None:
    rows = (
        ("LFW-dev accuracy, 1,800 pairs", pairs["accuracy"], "evaluate lfw"),
        ("LFW-dev TAR at FAR 1 %", pairs["tar_at_far_1e-2"], "evaluate lfw"),
        ("faces found, yaw up to 30 degrees, pose-dev", faces["recall_yaw_0_30"], "evaluate pose"),
        ("faces found, yaw 30 to 60 degrees", faces["recall_yaw_30_60"], "evaluate pose"),
        ("faces found, yaw above 60 degrees", faces["recall_yaw_60_99"], "evaluate pose"),
        (
            "landmark error, yaw up to 30 degrees, parts of the face's size",
            faces["landmark_error_yaw_0_30"],
            "evaluate pose",
        ),
        ("yaw error, degrees", faces["yaw_deg_error_by_detector"], "evaluate pose"),
    )
    lines = [
        "| measured, int8, end to end | value [95 % interval] (n) | reproduce: `python -m tools....` |",
        "|---|---|---|",
    ]
    lines += [f"| {name} | {_cell(value)} | `{command} --data DATA` |" for name, value, command in rows]
    _fill(FIGURES, lines)


def _fill_peers(report: dict[str, Any]) -> None:
    """Time of each chain as a multiple of ours, memory and accuracy, from one run of tools.benchmark."""
    lines = [
        "| chain, picture to embedding | time, 250x250 | time, 1280x720 | the same, 2 threads | memory | LFW-dev |",
        "|---|---|---|---|---|---|",
    ]
    small, large = report["speeds"].values()
    for chain, title in report["titles"].items():
        times = [kind[threads][chain]["to_us"] for threads in ("1", "2") for kind in (small, large)]
        accuracy = report["accuracy"][chain]["accuracy"]
        cells = (
            title,
            *(f"{ratio['value']:.2f}x" for ratio in times[:2]),
            " / ".join(f"{ratio['value']:.2f}x" for ratio in times[2:]),
            f"{report['memory'][chain]['now_mb']:.0f} MB",
            f"{100 * accuracy['value']:.2f} % [{100 * accuracy['low']:.1f}, {100 * accuracy['high']:.1f}]",
        )
        lines.append("| " + " | ".join(cells) + " |")
    _fill(PEERS, lines)


def _fill(markers: tuple[str, str], lines: list[str]) -> None:
    """Put lines between two markers of README.md."""
    begin, end = markers
    head, _, rest = README.read_text(encoding="utf-8").partition(begin)
    tail = rest.partition(end)[2]
    README.write_text(f"{head}{begin}\n" + "\n".join(lines) + f"\n{end}{tail}", encoding="utf-8")
    print(f"filled README.md: {begin.split()[1].rstrip(':')}")


def _json(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _curve(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
