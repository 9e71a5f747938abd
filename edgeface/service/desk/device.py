"""Verbs about the device itself."""

from __future__ import annotations

import logging

from edgeface import __version__
from edgeface.bar import DIALS, derive, expected, missed, tail_of
from edgeface.commands import words
from edgeface.commands.words_device import Alike, Dial, Share
from edgeface.errors import ConfigError
from edgeface.service.bootstrap import freeze_gallery
from edgeface.service.desk.place import Desk
from edgeface.signature import public_of, public_text
from edgeface.store import audit
from edgeface.store.gallery import GalleryStore
from edgeface.store.outbox import Outbox

MOST_PAIRS = 20
"""Of look-alikes that are told."""


def key(desk: Desk, ask: words.Nothing) -> words.DeviceKey:
    """The key with which a door's controller checks decisions."""
    return words.DeviceKey(key=public_text(public_of(desk.database.keyring.signing_seed)))


def health(desk: Desk, ask: words.Nothing) -> words.Health:
    """How the reader is."""
    store = GalleryStore(desk.database)
    return words.Health(
        version=__version__,
        door=desk.config.decide.door,
        people=store.count(),
        gallery_revision=store.revision(),
        last_seq=audit.last_seq(desk.database),
        waiting=Outbox(desk.database).count(),
        clock_trusted=desk.now().wall_trusted,
        shut=None if desk.live is None else desk.live.shut(),
        lacking=len(store.lacking(*desk.loaded().models.embedder.understood)),
    )


def calibration(desk: Desk, ask: words.Nothing) -> words.Calibration:
    """What it asks of a visitor, and why."""
    loaded, options = desk.loaded(), desk.config.decide
    gallery = freeze_gallery(GalleryStore(desk.database), loaded.models.embedder, learned=desk.config.learn.enabled)
    spec = loaded.choice.embedder.spec
    found = derive(gallery, spec, options.false_accepts, stricter=options.threshold)
    others = ((dial, derive(gallery, spec, dial)) for dial in DIALS)
    return words.Calibration(
        embedder=spec.name,
        people=len(found.people),
        false_accepts=options.false_accepts,
        threshold=round(found.threshold, 4),
        reason=found.reason if found.problem is None else found.problem,
        too_alike=len(found.too_alike),
        problem=found.problem,
        expected=_share(expected(found, tail_of(spec))),
        missed=_share(missed(found, spec.visit_mates)),
        strictest=found.strictest,
        pairs=tuple(Alike(first=a, second=b, cosine=round(cosine, 4)) for a, b, cosine in found.too_alike[:MOST_PAIRS]),
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
    )


def _share(found: tuple[float, float, float] | None) -> Share | None:
    return None if found is None else Share(value=found[0], low=found[1], high=found[2])


def log(desk: Desk, ask: words.Log) -> words.Nothing:
    """How much is logged, until the next start."""
    logging.getLogger().setLevel(ask.level.value.upper())
    return words.Nothing()


def restart(desk: Desk, ask: words.Nothing) -> words.Nothing:
    """Stop; whoever started the reader starts it anew."""
    desk.then.append(desk.expect_live().restart)
    return words.Nothing()


def watch(desk: Desk, ask: words.Watch) -> words.Nothing:
    """Show what the camera sees to whoever asks over the socket, from when it is on the disk that he does."""
    show = desk.show
    if show is None:
        raise ConfigError('ask for it as {"kind": "watch", ...} over the reader\'s own socket')
    desk.then.append(lambda: show(ask))
    return words.Nothing()
