"""`edgeface enrol NAME --guided`: a session before a camera, told on the terminal and, if wanted, as a picture."""

from __future__ import annotations

import secrets
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click

from edgeface.adapters.camera.files import Replay
from edgeface.adapters.clock import SystemClock
from edgeface.enrol import Bin, Portrait, bars, portrait
from edgeface.enrol.alive import Witness
from edgeface.enrol.session import ENDED, Guided, Session, Stage, advance, begin, confirm, filled, missing, wanted
from edgeface.errors import CameraLost, EnrolmentError, PictureError
from edgeface.frame import Instant
from edgeface.image import Ring, encode_png, ring_picture
from edgeface.service.bootstrap import Loaded
from edgeface.service.enrolment import Shot
from edgeface.service.ports import Camera
from edgeface.service.settings import Config
from edgeface.service.source import open_source

REPAINT_S = 0.25
"""The picture is written so often: fast enough to follow, slow enough for a memory card. A choice."""
_WIDE = 78
"""Columns of the line on the terminal."""


def guide(
    source: str, loaded: Loaded, config: Config, *, glasses: bool, preview: Path | None, quiet: bool
) -> tuple[Shot, ...]:
    """What a session saw, once it has seen everything, and a living person before it if the door requires one.

    Raises EnrolmentError if it ends before that, CameraError if the camera does.
    """
    models, asked, live = loaded.models, config.enrol.guided, config.liveness
    apart = bars(models.embedder.spec).apart
    witness = Witness(models.liveness, live, loaded.live_floor(live.min_score), (secrets.randbits(64),))
    # A film is played as it was filmed, however slow this machine is; cameras know no other pace.
    options = replace(config.camera, real_time=False)
    camera = open_source(source, SystemClock(), options, on_bad_picture=_tell_bad)
    teller, session = Teller(asked, preview, quiet=quiet), None
    with closing(camera):
        for frame in camera.frames():
            session = session or begin(_before(frame.captured_at), glasses=glasses)
            found = portrait(frame.pixels, models, config.pipeline())
            if isinstance(found, Portrait):
                witness.see(frame.pixels, found, frame.captured_at)
            session = advance(session, found, frame.captured_at, apart, asked)
            teller.tell(witness.prompted(session))
            if session.stage is Stage.GLASSES:
                click.prompt("Press Enter when it is done", default="", show_default=False, prompt_suffix=" ", err=True)
                session = confirm(session, _now(camera, session))
            if session.stage in ENDED and not witness.awaits(session, frame.captured_at, asked):
                break
    if session is None:
        raise CameraLost(f"{source} gave no usable picture: look at it with `edgeface inspect`")
    teller.end(session)
    shots = _shots(session, asked)
    witness.expect_alive()
    return shots


def _shots(session: Session, asked: Guided) -> tuple[Shot, ...]:
    match session.stage:
        case Stage.DONE:
            return tuple(Shot(source=one.source, portrait=one.portrait) for one in session.taken)
        case Stage.TIMED_OUT | Stage.OTHER_PERSON:
            raise EnrolmentError(f"nobody was enrolled: {session.hint}")
        case Stage.LOOKING | Stage.CROWDED | Stage.GLASSES:
            lacking = ", ".join(missing(session, asked))
            raise EnrolmentError(
                f"nobody was enrolled: the film ended with {lacking} still missing ({session.hint}); film the head "
                "turning to all sides, or ask for less with bins under [enrol.guided]"
            )


class Teller:
    """Says how far a session is: one line that changes on a terminal, else a line whenever the words change."""

    def __init__(self, asked: Guided, preview: Path | None, *, quiet: bool) -> None:
        self._asked, self._preview, self._quiet = asked, preview, quiet
        self._rewrites = sys.stderr.isatty()
        self._told: tuple[str, int] | None = None
        self._painted_at: Instant | None = None

    def tell(self, session: Session) -> None:
        """What changed since the last call."""
        if self._preview is not None and self._is_due(session):
            self._paint(session, self._preview)
        told = session.hint, len(session.taken)
        if told == self._told or self._quiet:
            return
        self._told = told
        line = f"{_bar(session, self._asked)}  {session.hint}"
        click.echo(f"\r{line:{_WIDE}.{_WIDE}}" if self._rewrites else line, nl=not self._rewrites, err=True)

    def end(self, session: Session) -> None:
        """The last picture, and the end of the line."""
        if self._preview is not None:
            self._paint(session, self._preview)
        if self._rewrites and not self._quiet:
            click.echo(err=True)

    def _is_due(self, session: Session) -> bool:
        return self._painted_at is None or session.newest_at.seconds_since(self._painted_at) >= REPAINT_S

    def _paint(self, session: Session, path: Path) -> None:
        """Written beside it and moved: whoever looks never sees half a picture."""
        self._painted_at = session.newest_at
        beside = path.with_name(f".{path.name}.new")
        try:
            beside.write_bytes(encode_png(ring_picture(ring(session, self._asked))))
            beside.replace(path)
        except OSError as error:
            raise click.BadParameter(f"cannot be written: {error.strerror or error}", param_hint="--preview") from error


def ring(session: Session, asked: Guided) -> Ring:
    """A session as it is drawn."""
    heading, next_one = session.heading, wanted(session, asked)
    shares = filled(session, asked)
    return Ring(
        filled={one.value: share for one, share in shares.items()},
        asked=None if next_one is None or session.stage in ENDED else next_one.value,
        heading_deg=None if heading is None else (heading.yaw_deg, heading.pitch_deg),
        words=session.hint,
        note=f"{len(session.taken)} pictures" + (", glasses changed" if session.again else ""),
        stopped=session.stage in (Stage.CROWDED, Stage.TIMED_OUT, Stage.OTHER_PERSON),
    )


def _bar(session: Session, asked: Guided) -> str:
    """[frontal ## left #- right --]"""
    parts = [_part(one, share, asked.per_bin) for one, share in filled(session, asked).items()]
    return "[" + " ".join(parts) + "]"


def _part(one: Bin, share: float, per_bin: int) -> str:
    full = round(share * per_bin)
    return f"{one.value} {'#' * full}{'-' * (per_bin - full)}"


def _before(now: Instant) -> Instant:
    """The moment before: the first picture counts."""
    return replace(now, monotonic_ns=now.monotonic_ns - 1)


def _now(camera: Camera, session: Session) -> Instant:
    """Films have a time of their own."""
    return session.newest_at if isinstance(camera, Replay) else SystemClock().now()


def _tell_bad(path: Path, error: PictureError) -> None:
    click.echo(f"skipped: {path}: {error}", err=True)
