"""The dial: what is promised of strangers, told and set. A reader at work goes by it from the next frame on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edgeface import bar as bars
from edgeface.adapters import settings_file
from edgeface.adapters.settings_file import Rewriting
from edgeface.bar import DIALS, Bar, curves, derive, expected, missed, tail_of
from edgeface.canonical import canonical
from edgeface.commands import words
from edgeface.commands.words_device import Alike, CurvePoint, Curves, Dial, DialIsSet, DialToSet, Share
from edgeface.config import load, parse
from edgeface.errors import ConfigError
from edgeface.match import Gallery
from edgeface.service.bootstrap import freeze_gallery, gallery_and_bar
from edgeface.service.desk.place import Desk
from edgeface.service.settings import Config
from edgeface.store import audit
from edgeface.store.audit import Kind
from edgeface.store.gallery import GalleryStore

MOST_PAIRS = 20
"""Of look-alikes that are told."""

_NOWHERE = ""
"""Stands for what a file says that cannot be read."""


def calibration(desk: Desk, ask: words.Nothing) -> words.Calibration:
    """What is asked of a visitor, and why."""
    spec, gallery = desk.loaded().choice.embedder.spec, _gallery(desk)
    found, names = _bar(desk, gallery), desk.names()
    others = ((dial, derive(gallery, spec, dial)) for dial in DIALS)
    return words.Calibration(
        embedder=spec.name,
        people=len(found.people),
        false_accepts=found.dial,
        threshold=round(found.threshold, 4),
        reason=found.reason if found.problem is None else found.problem,
        too_alike=len(found.too_alike),
        problem=found.problem,
        expected=_share(expected(found, tail_of(spec))),
        missed=_share(missed(found, spec.visit_mates)),
        strictest=found.strictest,
        pairs=tuple(_alike(names, *pair) for pair in found.too_alike[:MOST_PAIRS]),
        dials=tuple(
            Dial(
                false_accepts=dial,
                threshold=round(other.threshold, 4),
                problem=other.problem,
                expected=_share(expected(other, tail_of(spec))),
                missed=_share(missed(other, spec.visit_mates)),
            )
            for dial, other in others
        ),
        next_start=_next_start(desk, found.dial),
        mark=_mark(desk, found.dial),
    )


def drawn(desk: Desk, ask: words.Nothing) -> Curves:
    """How often either error is made, score by score, with who is enrolled now."""
    spec, bar = desk.loaded().choice.embedder.spec, _bar(desk, _gallery(desk))
    return Curves(
        threshold=round(bar.threshold, 4),
        points=tuple(
            CurvePoint(threshold=point.threshold, expected=_share(point.expected), missed=_share(point.missed))
            for point in curves(bar, tail_of(spec), spec.visit_mates)
        ),
    )


def set_dial(desk: Desk, ask: DialToSet) -> DialIsSet:
    """Write the dial into edgeface.toml, and go by it. Raises ConfigError if it cannot be promised, or not written."""
    former = _in_force(desk)
    _expect_dial(ask.false_accepts)
    if ask.mark is not None and ask.mark != _mark(desk, former):
        raise ConfigError("somebody else has set the dial since you looked: look again, then decide anew")
    path, content = desk.settings_path, settings_file.read(desk.settings_path)
    made = settings_file.edited(content, "decide", "false_accepts", ask.false_accepts)
    written = _expect(path, content, made, ask.false_accepts)
    if desk.live is not None:
        bar, then = desk.live.renewed_dial(ask.false_accepts)
        desk.then.append(then)
    else:
        _, bar = gallery_and_bar(GalleryStore(desk.database), desk.loaded(), desk.config, ask.false_accepts)
    if made != content:
        _replace(desk, path, content, made, (written, ask.false_accepts))
    return DialIsSet(
        false_accepts=ask.false_accepts,
        former=former,
        threshold=round(bar.threshold, 4),
        in_force=desk.live is not None,
    )


def _replace(desk: Desk, path: Path, former: bytes, content: bytes, dials: tuple[str | None, str | None]) -> None:
    """Audited once it is written, and before it counts: there is no change without a row, and whether the change of a
    row came to be after a power cut, the next start tells with the digest of its settings."""
    rewriting = Rewriting(path, former, content)
    facts = {"what": "false_accepts", "from": dials[0], "to": dials[1], "file": settings_file.digest(content)}
    try:
        with desk.database.transaction() as tables:
            audit.note(tables, Kind.CONFIG, desk.now(), {"by": desk.by, **facts})
    except BaseException:
        rewriting.drop()
        raise
    rewriting.settle()


def _expect_dial(dial: str | None) -> None:
    try:
        if dial is not None:
            bars.parse(dial)
    except ValueError as error:
        raise ConfigError(f"decide.{error}") from error


def _expect(path: Path, former: bytes, content: bytes, dial: str | None) -> str | None:
    """The dial that the file has. Raises ConfigError if the new file is not the former one with another dial, as the
    strict reader reads both."""
    before = _read(path, former)
    try:
        after = _read(path, content)
    except ConfigError as error:
        raise ConfigError(
            f"{path} is written in a way that a command cannot change ({error}): edit it by hand"
        ) from error
    if after != replace(before, decide=replace(before.decide, false_accepts=dial)):
        raise ConfigError(f"{path} is written in a way that a command cannot change: edit it by hand")
    return before.decide.false_accepts


def _read(path: Path, content: bytes) -> Config:
    try:
        return parse(content.decode("utf-8-sig"), Config)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _bar(desk: Desk, gallery: Gallery) -> Bar:
    """By the dial in force; one that cannot be kept says so in the bar."""
    spec, options = desk.loaded().choice.embedder.spec, desk.config.decide
    return derive(gallery, spec, _in_force(desk), stricter=options.threshold)


def _in_force(desk: Desk) -> str | None:
    return desk.config.decide.false_accepts if desk.live is None else desk.live.dial()


def _gallery(desk: Desk) -> Gallery:
    return freeze_gallery(GalleryStore(desk.database), desk.loaded().models.embedder, learned=desk.config.learn.enabled)


def _written(desk: Desk) -> str | None:
    """The dial of the file, which the next start goes by. Raises ConfigError."""
    path = desk.settings_path
    return load(path, Config).decide.false_accepts if path.exists() else None


def _next_start(desk: Desk, in_force: str | None) -> str | None:
    """What will be otherwise from the next start on, as a sentence."""
    try:
        written = _written(desk)
    except ConfigError as error:
        return f"the next start will fail: {error}"
    if written == in_force:
        return None
    says = "does not set false_accepts" if written is None else f'says false_accepts = "{written}"'
    return f"{desk.settings_path.name} {says}: that counts from the next start"


def _mark(desk: Desk, in_force: str | None) -> str:
    """Of what a person who sets the dial has seen."""
    try:
        written = _written(desk)
    except ConfigError:
        written = _NOWHERE
    return hashlib.sha256(canonical([in_force, written])).hexdigest()[:16]


def _alike(names: Mapping[str, str], first: str, second: str, cosine: float) -> Alike:
    return Alike(
        first=first,
        second=second,
        cosine=round(cosine, 4),
        first_name=names.get(first, ""),
        second_name=names.get(second, ""),
    )


def _share(found: tuple[float, float, float] | None) -> Share | None:
    return None if found is None else Share(value=found[0], low=found[1], high=found[2])
