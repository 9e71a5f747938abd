"""`edgeface explain`: what happened to each face, gate by gate, as a picture and as JSON."""

from __future__ import annotations

import json
import math
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from edgeface import bar as bars
from edgeface import explain as telling
from edgeface import match
from edgeface.adapters.camera.files import replay_path
from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.cli.explain_sheet import Told, draw
from edgeface.decide import Decision
from edgeface.embed import Embedder
from edgeface.errors import PictureError
from edgeface.explain import Account, Diary, Standing, Step
from edgeface.image import encode_png
from edgeface.liveness import Check, Fault, Liveness
from edgeface.match import Gallery
from edgeface.service.bootstrap import GALLERY


@click.command(short_help="Draw what happened to each face, gate by gate.")
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="CLIP|IMAGE")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write the picture (PNG); default: NAME-explained.png here, and none with --json.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object with every face of every frame.")
@click.option("--no-gallery", is_flag=True, help="Compare with nobody, as if nobody were enrolled.")
@click.pass_obj
def explain(context: Context, source: Path, out: Path | None, as_json: bool, no_gallery: bool) -> None:
    """Let the reader watch CLIP|IMAGE, a video, a folder of pictures or one, and show what became of every face.

    Was it found? Good enough, by which measures, and how far off? Alive, by which checks? Whom is it like, and how
    much of that is needed? What was decided, and why not otherwise? All of it is the reader's own work with this
    home's models, settings and people; nothing is stored and no door hears of it. Without a gallery faces are judged
    up to the comparison.

    The picture shows faces: it is readable by you alone.
    """
    picture = out if out is not None or as_json else Path(f"{source.resolve().stem or 'film'}-explained.png")
    if picture is not None and picture.exists() and picture.resolve() == source.resolve():
        raise click.BadParameter("that is the picture to be explained; name another file", param_hint="--out")
    told = _watch(context, source, no_gallery)
    if as_json:
        click.echo(json.dumps(_report(told), allow_nan=False))
    else:
        _say(told)
    if picture is not None:
        _write(picture, encode_png(draw(told)))
        click.echo(f"{picture} is written.", err=as_json)


def _watch(context: Context, source: Path, no_gallery: bool) -> Told:
    config, loaded = context.config(), context.loaded()
    options, skipped = config.pipeline(), list[str]()

    def skip(path: Path, error: PictureError) -> None:
        skipped.append(f"{path}: {error}")
        click.echo(f"skipped: {path}: {error}", err=True)

    gallery, names = _people(context, loaded.models.embedder, no_gallery)
    spec = loaded.choice.embedder.spec
    bar = bars.derive(gallery, spec, config.decide.false_accepts, stricter=config.decide.threshold)
    diary = Diary(
        models=loaded.models,
        gallery=gallery,
        bar=bar,
        live_floor=loaded.live_floor(config.liveness.min_score),
        options=options,
        identify=lambda: secrets.token_hex(16),
    )
    film = replay_path(source, SystemClock(), replace(config.camera, real_time=False), skip)
    frames = 0
    with click.progressbar(film.frames(), label="watching", file=sys.stderr) as shown:
        for frame in shown:
            diary.note(frame)
            frames += 1
    floor = config.detect.min_score
    return Told(
        source=source.name or str(source),
        frames=frames,
        accounts=diary.finish(),
        names=names,
        bar=bar,
        options=options,
        detection_floor=loaded.choice.detector.spec.thresholds["min_score"] if floor is None else floor,
        live_floor=loaded.live_floor(config.liveness.min_score),
        skipped=tuple(skipped),
    )


def _people(context: Context, embedder: Embedder, no_gallery: bool) -> tuple[Gallery, Mapping[str, str]]:
    """Who is enrolled, and their names. A gallery that is not there is not made."""
    if no_gallery or not (context.home / GALLERY).exists():
        nobody = np.zeros((0, embedder.spec.dimensions), np.int8)
        return match.freeze(nobody, (), embedder.identity, 0, embedder.spec.dimensions), {}
    return context.faces(embedder, learned=True)


def _write(path: Path, content: bytes) -> None:
    """Faces are nobody else's business: the file is made for its owner alone."""
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        raise click.BadParameter(f"cannot be written: {error.strerror or error}", param_hint="--out") from error


def _say(told: Told) -> None:
    click.echo(f"{told.source}: {told.frames} frames, {len(told.accounts)} visitors")
    for account in told.accounts:
        step = account.telling
        said = "; ".join(f"{one.outcome.value}, {one.reason}" for one in account.decisions) or "no decision"
        good = sum(one.quality is not None and one.quality.accepted for one in account.steps)
        click.echo(f"  visitor {account.track}: {said}  ({good} good shots of {len(account.steps)} sightings)")
        for line in telling.gates(step, told.options.liveness.require):
            mark = {True: "yes", False: "no", None: "-"}[line.passed]
            click.echo(f"    {line.name:15} {mark:4} {line.said}")


def _report(told: Told) -> dict[str, Any]:
    return {
        "source": told.source,
        "frames": told.frames,
        "skipped": list(told.skipped),
        "people": len(told.bar.people),
        "threshold": round(told.bar.threshold, 4),
        "visitors": [_account(account, told) for account in told.accounts],
    }


def _account(account: Account, told: Told) -> dict[str, Any]:
    required = told.options.liveness.require
    return {
        "track": account.track,
        "gates": [
            {"gate": one.name, "passed": one.passed, "said": one.said}
            for one in telling.gates(account.telling, required)
        ],
        "gates_at_frame": account.telling.frame,
        "decisions": [_decision(one, told) for one in account.decisions],
        "steps": [_step(step, told) for step in account.steps],
    }


def _step(step: Step, told: Told) -> dict[str, Any]:
    box, usable = step.detection.box, step.quality
    return {
        "frame": step.frame,
        "second": round(step.second, 3),
        "box": [round(value, 1) for value in (box.x, box.y, box.w, box.h)],
        "detection": {"score": round(step.detection.score, 4), "needed": told.detection_floor},
        "looked_at": usable is not None,
        "pose": None
        if step.pose is None
        else {name: round(getattr(step.pose, name), 1) for name in ("yaw_deg", "pitch_deg", "roll_deg")},
        "quality": None
        if usable is None
        else {
            "score": round(usable.score, 1),
            "accepted": usable.accepted,
            "advice": [refused.advice for refused in usable.refusals],
            "measures": [
                {
                    "measure": one.measure,
                    "value": round(one.value, 4),
                    "limit": one.limit,
                    "limit_is": "least" if one.least else "most",
                    "passed": one.kept,
                    "off_by": round(one.off_by, 4),
                }
                for one in step.limits
            ],
        },
        "liveness": _alive(step.liveness),
        "nearest": None
        if step.nearest is None
        else [
            {**_person(one.person_id, told), "cosine": round(one.cosine, 4), "strength": _rounded(one.strength)}
            for one in step.nearest
        ],
        "standing": None if step.standing is None else _stood(step.standing, told),
        "decision": None if step.decision is None else step.decision.outcome.value,
    }


def _alive(live: Liveness | None) -> dict[str, Any] | None:
    if live is None:
        return None
    if live.unjudged is not None:
        return {"score": None, "live": False, "unjudged": live.unjudged.value}
    return {"score": round(live.score, 4), "live": live.live, "unjudged": None}


def _stood(standing: Standing, told: Told) -> dict[str, Any]:
    return {
        "shots": standing.shots,
        "person": None if standing.person_id is None else _person(standing.person_id, told),
        "score": _rounded(standing.score),
        "newest_score": _rounded(standing.newest_score),
        "margin": _rounded(standing.margin),
        "needed": _rounded(standing.needed),
        "strength": _rounded(standing.strength),
        "checks": {check.value: _check(check, fault, told) for check, fault in standing.checks.items()},
        "doubt": standing.doubt,
    }


def _check(check: Check, fault: Fault | None, told: Told) -> dict[str, Any]:
    required = check in told.options.liveness.require
    return {"required": required, "passed": fault is None, "said": None if fault is None else fault.reason}


def _decision(decision: Decision, told: Told) -> dict[str, Any]:
    return {
        "outcome": decision.outcome.value,
        "rule": decision.rule,
        "reason": decision.reason,
        "person": None if decision.person_id is None else _person(decision.person_id, told),
        "score": _rounded(decision.score),
        "threshold": _rounded(decision.threshold),
        "shots": decision.shots,
    }


def _person(person_id: str, told: Told) -> dict[str, str]:
    return {"id": person_id, "label": told.names.get(person_id, "?")}


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)
