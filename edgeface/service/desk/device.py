"""Verbs about the device itself."""

from __future__ import annotations

import logging

from edgeface import __version__
from edgeface.commands import words
from edgeface.errors import ConfigError
from edgeface.service.desk.place import Desk
from edgeface.signature import public_of, public_text
from edgeface.store import audit
from edgeface.store.gallery import GalleryStore
from edgeface.store.outbox import Outbox


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
