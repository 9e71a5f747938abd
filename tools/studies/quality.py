"""What each quality measure costs: false non-matches of LFW-dev's mated pairs, one side spoilt by degrees.

    python -m tools.evaluate all --only filter,turning,discard --data DATA --peers WEIGHTS --out FIGURES
    python -m tools.studies.quality --data DATA --figures FIGURES --out models/quality.md

For each fault the probe is spoilt a little more from row to row; the row says what the measures read, how often the
right person is then missed at the embedder's own threshold, and how many probes the gate refuses. The defaults of
`edgeface.quality.Options` stand where the misses have grown by a half to double.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from edgeface import align, embed, quality
from edgeface.detect import Detection
from edgeface.enrol.look import ENROLLED_SHARPNESS
from edgeface.frame import Pixels
from edgeface.pipeline import Models, turned
from edgeface.quality import Quality
from edgeface.service.bootstrap import load_models
from tools import degrade, metrics, quality_page
from tools.datasets import Archive
from tools.evaluate import central_face

Spoil = Callable[[Pixels], Pixels]
GATE = quality.Options(min_sharpness=ENROLLED_SHARPNESS)
CENTRED = np.array([[103, 112], [147, 111], [125, 139], [106, 158], [146, 157]], np.float32)
"""Medians of the landmarks of LFW's faces, give or take 5 px: the set is aligned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to spoil a picture, by degrees."""

    name: str
    measure: str
    """The measure that should notice."""
    degrees: tuple[tuple[str, Spoil], ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--pairs", type=int, default=450, help="mated pairs to use, evenly spread")
    parser.add_argument("--figures", type=Path, help="folder of JSON files of other tools")
    parser.add_argument("--out", type=Path, required=True, help="Markdown to write")
    arguments = parser.parse_args()
    loaded = load_models(arguments.home)
    archive = Archive(arguments.data / "lfw-dev.tar")
    rows = [row for row in archive.rows("pairs.csv") if row["same"] == "1"]
    rows = rows[:: max(1, len(rows) // arguments.pairs)]
    references = [_vector(archive.picture(f"images/{row['file_a']}"), loaded.models) for row in rows]
    probes = [archive.picture(f"images/{row['file_b']}") for row in rows]
    tables = [_table(fault, references, probes, loaded.models, loaded.floor) for fault in faults()]
    more = [] if arguments.figures is None else quality_page.sections(arguments.figures)
    arguments.out.write_text(_page(more, tables, len(rows), loaded.floor), encoding="utf-8")
    click.echo(f"wrote {arguments.out}")


def faults() -> tuple[Fault, ...]:
    """Every fault of the study, mild to bad. LFW's faces have about 42 px between the eyes."""
    shadows = (1.0, 0.6, 0.4, 0.25, 0.15, 0.08, 0.0)
    distances, sigmas = (1.0, 0.7, 0.5, 0.4, 0.32, 0.25, 0.2), (0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
    return (
        _fault("Distance", "inter_eye_distance_px", "{:.2f} of the size", degrade.shrink, distances),
        _fault("Defocus", "sharpness", "sigma {} px", degrade.defocus, sigmas),
        _fault("Defocus before a noisy sensor", "sharpness", "sigma {} px, noise 5", _noisy_defocus, sigmas),
        _fault("Motion", "sharpness", "{} px", degrade.smear, (1, 5, 9, 13, 19, 27)),
        _fault("Darkness", "brightness", "{:.2f} of the light", _darken, (1.0, 0.5, 0.3, 0.2, 0.12, 0.07, 0.04)),
        _fault("Overexposure", "brightness", "{:.1f} times the light", degrade.expose, (1.0, 1.5, 2.0, 3.0, 4.5, 7.0)),
        _fault("Haze", "dynamic_range", "{:.2f} of the contrast", degrade.flatten, (1.0, 0.5, 0.3, 0.2, 0.12, 0.07)),
        _fault("Light from one side", "illumination_uniformity", "{:.2f} of the light on one side", _shade, shadows),
        _fault("Black pixels", "under_exposure", "{:.2f} of the light", _darken, (1.0, 0.3, 0.2, 0.12, 0.07)),
        _fault("White pixels", "over_exposure", "{:.1f} times the light", degrade.expose, (1.0, 1.5, 2.0, 3.0, 4.5)),
        _fault("Mask", "occlusion", "{:.0f} of 1 masks", _mask, (0, 1)),
        _fault("Bar over the eyes", "occlusion", "{:.0f} of 1 bars", _bar, (0, 1)),
        _fault("Torn frame", "blank", "{:.2f} of the rows gone", _tear, (0.0, 0.35, 0.42, 0.5, 0.58)),
        _fault("Cropping", "inside", "{:.2f} of the face's width cut off", _crop, (0.0, 0.1, 0.2, 0.3, 0.4)),
    )


def _fault(
    name: str, measure: str, label: str, spoil: Callable[[Pixels, Any], Pixels], degrees: Sequence[float]
) -> Fault:
    """`spoil(pixels, degree)` at each of the degrees, which `label` shows."""
    steps = tuple((label.format(degree), partial(_applied, spoil, degree)) for degree in degrees)
    return Fault(name=name, measure=measure, degrees=steps)


def _applied(spoil: Callable[[Pixels, Any], Pixels], degree: float, pixels: Pixels) -> Pixels:
    return spoil(pixels, degree)


def _noisy_defocus(pixels: Pixels, sigma_px: float) -> Pixels:
    return degrade.add_noise(degrade.defocus(pixels, sigma_px), 5.0, np.random.default_rng(0))


def _darken(pixels: Pixels, gain: float) -> Pixels:
    """Less light, and the sensor's noise of 2 grey levels that is then no longer small beside it."""
    return degrade.add_noise(degrade.expose(pixels, gain), 2.0, np.random.default_rng(0))


def _crop(pixels: Pixels, part: float) -> Pixels:
    """LFW's faces are about 100 px wide around the centre of 250: cut the picture so that part of the face is gone."""
    return np.ascontiguousarray(pixels[:, 75 + int(100 * part) :]) if part else pixels


def _shade(pixels: Pixels, least: float) -> Pixels:
    """A lamp at the right of the face, which is about 100 px wide around the centre."""
    return degrade.light_from_side(pixels, pixels.shape[1] / 2, 60.0, least) if least < 1 else pixels


def _tear(pixels: Pixels, rows: float) -> Pixels:
    """The last rows never arrived: grey, as a decoder fills them."""
    spoilt = pixels.copy()
    spoilt[round(len(pixels) * (1 - rows)) :] = 128
    return spoilt


def _mask(pixels: Pixels, many: float) -> Pixels:
    return degrade.wear_mask(pixels, CENTRED, (150, 190, 210)) if many else pixels


def _bar(pixels: Pixels, many: float) -> Pixels:
    return degrade.bar_eyes(pixels, CENTRED, (20, 20, 20)) if many else pixels


def _table(
    fault: Fault, references: list[np.ndarray | None], probes: list[Pixels], models: Models, floor: float
) -> str:
    lines = [
        f"## {fault.name}",
        "",
        f"| probe | {fault.measure}: 10 / 50 / 90 % | missed (FNMR) | missed, not refused | refused | no face |",
        "|---|---|---|---|---|---|",
    ]
    with click.progressbar(fault.degrees, label=fault.name) as degrees:
        for label, spoil in degrees:
            lines.append(_row(label, fault.measure, [spoil(probe) for probe in probes], references, models, floor))
    return "\n".join(lines)


def _row(
    label: str, measure: str, spoilt: list[Pixels], references: list[np.ndarray | None], models: Models, floor: float
) -> str:
    seen: list[tuple[Quality, bool]] = []
    for pixels, reference in zip(spoilt, references, strict=True):
        if (looked := _look(pixels, models)) is not None and reference is not None:
            usable, vector = looked
            seen.append((usable, float(vector @ reference) < floor))
    if not seen:
        return f"| {label} | - | - | - | - | {len(spoilt)} of {len(spoilt)} |"
    read = np.percentile([getattr(usable, measure) for usable, _ in seen], (10, 50, 90))
    kept = [missed for usable, missed in seen if usable.accepted]
    cells = (
        " / ".join(f"{value:.3g}" for value in read),
        _share([missed for _, missed in seen]),
        _share(kept),
        f"{len(seen) - len(kept)} of {len(seen)}",
        f"{len(spoilt) - len(seen)} of {len(spoilt)}",
    )
    return f"| {label} | " + " | ".join(cells) + " |"


def _share(missed: list[bool]) -> str:
    if not missed:
        return "-"
    figure = metrics.wilson(sum(missed), len(missed))
    return f"{100 * figure.value:.0f} % [{100 * figure.low:.0f}, {100 * figure.high:.0f}]"


def _look(pixels: Pixels, models: Models) -> tuple[Quality, np.ndarray] | None:
    face = central_face(pixels, models)
    if face is None:
        return None
    usable = quality.assess(pixels, face, turned(pixels, face, models), GATE)
    return usable, _embed(pixels, face, models)


def _vector(pixels: Pixels, models: Models) -> np.ndarray | None:
    face = central_face(pixels, models)
    return None if face is None else _embed(pixels, face, models)


def _embed(pixels: Pixels, face: Detection, models: Models) -> np.ndarray:
    chip = align.chip(pixels, face.landmarks, models.embedder.spec)
    return embed.embed(chip, models.embedder).vector


def _page(more: list[str], tables: list[str], pairs: int, floor: float) -> str:
    head = [
        "# What the quality gate is worth",
        "",
        *quality_page.limits(),
        *more,
        "## Faults by degrees",
        "",
        f"LFW-dev, {pairs} mated pairs, one side spoilt by degrees; missed = cosine below the embedder's own threshold",
        f"({floor:g}), with 95 % Wilson intervals. Written by `python -m tools.studies.quality`; shrinking a probe",
        "also takes sharpness away, so gates overlap. The gate is that of enrolment, which asks for a sharpness of",
        f"{GATE.min_sharpness:g}; what a door's {quality.Options().min_sharpness:g} is worth is in visits.md.",
        "",
    ]
    return "\n".join(head) + "\n" + "\n\n".join(table.replace("## ", "### ", 1) for table in tables) + "\n"


if __name__ == "__main__":
    main()
