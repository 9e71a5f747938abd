"""The desk of a running reader: whoever may command it, by whatever way, is served here."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeface.adapters.clock import SystemClock
from edgeface.adapters.listener import Listener, listen
from edgeface.service.bootstrap import Loaded, Station
from edgeface.service.clerk import Clerk
from edgeface.service.desk import Desk
from edgeface.service.guide import Guide
from edgeface.service.live import LiveReader
from edgeface.service.lookout import Lookout
from edgeface.service.reception import Reception
from edgeface.service.settings import Config, SocketOptions
from edgeface.store.database import Database

log = logging.getLogger(__name__)

SOCKET = "edgeface.sock"
"""File name of the reader's socket: in the runtime folder that systemd gives, and beside the gallery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Where commands are carried out, and where this machine's users ask for it."""

    desk: Desk
    reception: Reception


@contextmanager
def serving(
    station: Station, config: Config, loaded: Loaded, database: Database, settings: Path | None = None
) -> Iterator[Served]:
    """Answer commands, over MQTT and over the reader's own socket, until the block ends.

    `settings`: the file that `config` was read from, if it is not that of the home folder.

    Raises ReaderError if another process answers at the socket's place.
    """
    clock = SystemClock()
    live = LiveReader(
        reader=station.reader,
        guard=station.guard,
        journal=station.journal,
        database=database,
        config=config,
        loaded=loaded,
        announce=station.announce_info,
        again=station.replay,
        exhibit=station.exhibit,
        hand_out=station.announce,
        now=clock.now,
    )
    guide = Guide(loaded.models, config.pipeline(), config.enrol.guided, loaded.live_floor(config.liveness.min_score))
    desk = Desk(
        config=config,
        database=database,
        loaded=lambda: loaded,
        now=clock.now,
        by="reader",
        settings=settings,
        live=live,
        guide=guide,
    )
    clerk = Clerk(desk)
    lookout = Lookout(station.store.name_of)
    home = database.path.parent
    reception = Reception(_listening(place_of(config.socket, home, os.environ), home), clerk, lookout)
    station.reader.tell(lookout.take)
    station.reader.tell(guide.take)
    reception.start()
    if station.requests is not None:
        station.requests.serve(clerk)
    try:
        yield Served(desk=desk, reception=reception)
    finally:
        reception.stop()
        if (word := home / SOCKET).is_symlink():
            word.unlink()
        if station.requests is not None:
            station.requests.stop()


def place_of(options: SocketOptions, home: Path, environment: Mapping[str, str]) -> Path:
    """Where the reader is asked: where it is set, else in the folder that systemd made, else beside the gallery."""
    if options.path is not None:
        return options.path
    runtime = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(runtime) / SOCKET if runtime else home / SOCKET


def _listening(place: Path, home: Path) -> Listener:
    """Listen, and leave word beside the gallery where: the command line asks the reader of its home folder."""
    listener, word = listen(place), home / SOCKET
    if place != word:
        try:
            word.unlink(missing_ok=True)
            word.symlink_to(place)
        except OSError as error:  # a reader without it does all but this
            log.warning("%s cannot be made (%s): the command line will not find the reader", word, error.strerror)
    return listener
