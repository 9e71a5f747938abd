"""`edgeface inspect`: why was or wasn't this face usable?"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from edgeface import detect, embed, image, liveness
from edgeface.cli.context import Context
from edgeface.detect import Detection
from edgeface.embed import Embedding
from edgeface.errors import PictureError
from edgeface.frame import Pixels
from edgeface.liveness import Liveness
from edgeface.pipeline import Models, Options, examine
from edgeface.pose import Pose
from edgeface.quality import Quality


@click.command(short_help="Explain what the reader sees in pictures.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file and line.")
@click.option(
    "--min-score",
    metavar="S",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="List detections down to the score S; default: the configuration's.",
)
@click.option(
    "--max-side",
    metavar="N",
    type=click.IntRange(64, 2048),
    help="Working size of the detector in pixels, 64 to 2048; default: the configuration's.",
)
@click.option("--no-embed", is_flag=True, help="Skip the embedding.")
@click.pass_obj
def inspect(
    context: Context,
    paths: tuple[Path, ...],
    as_json: bool,
    min_score: float | None,
    max_side: int | None,
    no_embed: bool,
) -> None:
    """Show every face of the pictures in PATHS: where it is, how it is turned, how good it is, and why it was refused.

    Folders are read recursively. A file that cannot be read gets its line too and does not stop the rest. Coordinates
    are pixels of the picture as a person sees it, EXIF orientation applied. Exit 0 if all files were read, else 1.
    """
    options = _options(context, min_score, max_side)
    models = context.models()
    complete, found = True, False
    for path in _files(paths):
        found = True
        line = describe(path, models, options, with_embedding=not no_embed)
        complete = complete and line["error"] is None
        click.echo(json.dumps(line, allow_nan=False) if as_json else _text(line))
    if not found:
        click.echo("there is no file in " + ", ".join(map(str, paths)), err=True)
    raise SystemExit(0 if complete else 1)


def describe(path: Path, models: Models, options: Options, *, with_embedding: bool) -> dict[str, Any]:
    """What one file shows, as `--json` prints it."""
    line: dict[str, Any] = {"file": str(path), "width": None, "height": None, "error": None, "faces": []}
    try:
        pixels = image.read(path)
    except PictureError as error:
        return {**line, "error": str(error)}
    faces = detect.detect(pixels, models.detector, options.detect)
    return {
        **line,
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "faces": [_face(pixels, face, models, options, with_embedding) for face in faces],
    }


def _options(context: Context, min_score: float | None, max_side: int | None) -> Options:
    options = context.config().pipeline()
    detector = options.detect
    if min_score is not None:
        detector = replace(detector, min_score=min_score)
    if max_side is not None:
        detector = replace(detector, max_side_px=max_side)
    return replace(options, detect=detector)


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """Each file of `paths` and of the folders among them, sorted; of a folder that cannot be read, the folder."""
    for path in paths:
        if path.is_dir():
            lost: list[OSError] = []
            walked = [Path(parent, name) for parent, _, names in os.walk(path, onerror=lost.append) for name in names]
            yield from sorted([file for file in walked if file.is_file()] + [Path(error.filename) for error in lost])
        else:
            yield path


def _face(pixels: Pixels, face: Detection, models: Models, options: Options, with_embedding: bool) -> dict[str, Any]:
    seen = examine(pixels, face, models, options)
    judge = models.liveness
    live = None if judge is None else liveness.assess(pixels, face, judge, options.liveness)
    found = embed.embed(seen.chip, models.embedder) if with_embedding else None
    return {
        "box": [round(value, 2) for value in (face.box.x, face.box.y, face.box.w, face.box.h)],
        "score": round(face.score, 5),
        "landmarks": [[round(float(x), 2), round(float(y), 2)] for x, y in face.landmarks],
        "pose": _pose(seen.pose),
        "quality": _quality(seen.quality),
        **_liveness(live),
        **_embedding(found),
    }


def _pose(angles: Pose) -> dict[str, float]:
    return {name: round(getattr(angles, name), 2) for name in ("yaw_deg", "pitch_deg", "roll_deg")}


def _quality(usable: Quality) -> dict[str, Any]:
    names = (
        "inter_eye_distance_px",
        "sharpness",
        "brightness",
        "under_exposure",
        "over_exposure",
        "dynamic_range",
        "illumination_uniformity",
        "inside",
        "blank",
        "occlusion",
    )
    return {
        "score": round(usable.score, 2),
        "unified_score": None if usable.unified_score is None else round(usable.unified_score, 2),
        "accepted": usable.accepted,
        "refusals": list(dict.fromkeys(refused.refusal.value for refused in usable.refusals)),
        "details": [str(refused) for refused in usable.refusals],
        "advice": [refused.advice for refused in usable.refusals],
        **{name: round(getattr(usable, name), 3) for name in names},
    }


def _liveness(live: Liveness | None) -> dict[str, float | bool | str | None]:
    """Score, 0 attack .. 1 bona fide, and whether it is enough; or why there is none. All None without a model."""
    if live is None:
        return {"liveness": None, "live": None, "unjudged": None}
    if live.unjudged is not None:
        return {"liveness": None, "live": False, "unjudged": live.unjudged.value}
    return {"liveness": round(live.score, 4), "live": live.live, "unjudged": None}


def _embedding(found: Embedding | None) -> dict[str, str | None]:
    if found is None:
        return {"embedding": None, "template": None}
    vector = base64.b64encode(found.vector.astype("<f4").tobytes()).decode()
    template = base64.b64encode(embed.to_template(found.vector).astype(np.int8).tobytes()).decode()
    return {"embedding": vector, "template": template}


def _text(line: dict[str, Any]) -> str:
    file = click.format_filename(line["file"])
    if line["error"] is not None:
        return f"{file}: {line['error']}"
    if not line["faces"]:
        return f"{file}: {line['width']}x{line['height']}, no face"
    rows = [f"{file}: {line['width']}x{line['height']}, {len(line['faces'])} face(s)"]
    for face in line["faces"]:
        x, y, w, h = face["box"]
        angles, usable = face["pose"], face["quality"]
        verdict = "usable" if usable["accepted"] else "refused: " + "; ".join(usable["advice"])
        rows.append(
            f"  {w:.0f}x{h:.0f} at {x:.0f},{y:.0f}  score {face['score']:.2f}  "
            f"yaw {angles['yaw_deg']:+.0f} pitch {angles['pitch_deg']:+.0f} roll {angles['roll_deg']:+.0f}  "
            f"quality {usable['score']:.0f}  liveness {_told(face)}  {verdict}"
        )
    return "\n".join(rows)


def _told(face: dict[str, Any]) -> str:
    if face["liveness"] is None:
        return face["unjudged"] or "-"
    return f"{face['liveness']:.2f}" + ("" if face["live"] else " (attack)")
